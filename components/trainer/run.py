"""What TFX's Trainer calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from components.trainer import dataset
from components.trainer.export import export
from components.trainer.fit import train
from components.transform.features.categorical import num_ids
from schema import names
from schema.errors import DataError
from schema.task import TaskSpec


def run_fn(fn_args: FnArgs) -> None:
    """Trains on `train`, stops early on `eval`, and writes the SavedModel.

    Args:
        fn_args: TFX's arguments; `custom_config` holds `task` and `classes` as JSON.

    Raises:
        DataError: A head has no labelled row to train on, or none to stop on.
    """
    task = TaskSpec.from_json(fn_args.custom_config["task"])
    classes = {head: tuple(values) for head, values in json.loads(fn_args.custom_config["classes"]).items()}
    # Before any dataset is made: their order, too, depends on it.
    keras.utils.set_random_seed(task.training.seed)
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    spec = transform_output.transformed_feature_spec()
    counts = {
        split: dataset.label_counts(files, spec, classes)
        for split, files in ((names.TRAIN, fn_args.train_files), (names.EVAL, fn_args.eval_files))
    }
    check_labelled(counts)

    sizes = {
        name: num_ids(transform_output.vocabulary_size_by_name(names.vocabulary(name)), feature)
        for name, feature in task.features.items()
        if feature.type == "categorical"
    }
    model = train(
        task,
        sizes,
        counts[names.TRAIN],
        dataset.batches(fn_args.train_files, spec, task, shuffle_seed=task.training.seed),
        dataset.batches(fn_args.eval_files, spec, task),
        fn_args.model_run_dir,
    )
    export(model, transform_output, classes, Path(fn_args.serving_model_dir))


def check_labelled(counts: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Checks that every head has labelled rows in every split given.

    Args:
        counts: Labelled rows by split, head and class.

    Raises:
        DataError: Naming split and head.
    """
    empty = [
        f"'{head}' in {split}" for split, heads in counts.items() for head, rows in heads.items() if not rows.sum()
    ]
    if empty:
        raise DataError(f"no labelled row for head {', '.join(empty)}; nothing can be learnt or checked there")
