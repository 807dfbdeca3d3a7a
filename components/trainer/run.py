"""What TFX's Trainer calls."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from components.trainer import calibration, curves, dataset, kept_weights
from components.trainer.calibration import Calibration
from components.trainer.export import export
from components.trainer.fit import train
from components.trainer.kept_weights import KeptWeights
from components.trainer.model import MultiHeadModel, build_model
from components.trainer.terms import axes_of
from components.trainer.warm_start import WarmStart, take_over
from components.transform.features.vocabulary import numbers_of_ids
from schema import names
from schema.errors import DataError
from schema.task import TaskSpec


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What came out of a training.

    Attributes:
        model: Logits by head.
        calibrations: From logits to scores and decisions, by head.
        warm_start: Which layers began from another model's weights.
    """

    model: MultiHeadModel
    calibrations: dict[str, Calibration]
    warm_start: WarmStart = dataclasses.field(default_factory=WarmStart)


def run_fn(fn_args: FnArgs) -> None:
    """Trains on `train`, stops early and calibrates on `eval`, and writes the SavedModel and how the training went.

    Args:
        fn_args: TFX's arguments; `custom_config` holds `task` and `classes` as JSON and, where the task asks for a warm
            start, `from`, the version that `base_model` is a copy of; empty if nobody knew it before the run.

    Raises:
        DataError: A head has no labelled row to train on, or none to stop on.
    """
    task = TaskSpec.from_json(fn_args.custom_config["task"])
    classes = {head: tuple(values) for head, values in json.loads(fn_args.custom_config["classes"]).items()}
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    kept, why_none = weights_to_begin_from(fn_args.base_model) if task.training.warm_start else ({}, None)
    fitted = fit_model(
        task,
        classes,
        transform_output,
        fn_args.train_files,
        fn_args.eval_files,
        fn_args.model_run_dir,
        checkpoint_folder(fn_args),
        kept,
    )
    warm_start = None
    if task.training.warm_start:
        version = (fn_args.custom_config["from"] or fn_args.base_model) if kept else None
        warm_start = {"from": version, "why_none": why_none, **dataclasses.asdict(fitted.warm_start)}
    curves.write(Path(fn_args.model_run_dir), fitted.model.history.history, warm_start)
    export(fitted.model, transform_output, task, fitted.calibrations, Path(fn_args.serving_model_dir))


def weights_to_begin_from(model: str) -> tuple[KeptWeights, str | None]:
    """Returns the weights of the baseline and, if it has none that can be used, why, in a sentence.

    A training that cannot begin from another model begins as any other: the verdict is not the Trainer's to give.

    Args:
        model: Folder of the SavedModel, which is not there at a cold start.
    """
    try:
        return kept_weights.read(Path(model)), None
    except DataError as error:
        return {}, str(error)


def checkpoint_folder(fn_args: FnArgs) -> Path:
    """Returns where a training keeps its state: the same for an equal training, another for any other.

    TFX gives every attempt a folder of its own, `TRAINER/model_run/EXECUTION`. What makes a training is its parameters,
    with the fingerprint of the code among them, and its files, which stay where they are as long as Transform and
    Baseline are cached.
    """
    given = [fn_args.transform_output, fn_args.train_files, fn_args.eval_files, fn_args.base_model]
    parts = [fn_args.custom_config, *given]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return Path(fn_args.model_run_dir).parent.parent / "checkpoints" / digest[:16]


def fit_model(
    task: TaskSpec,
    classes: Mapping[str, tuple[str, ...]],
    transform_output: tft.TFTransformOutput,
    train_files: Sequence[str],
    eval_files: Sequence[str],
    log_dir: str,
    checkpoint_dir: Path | None = None,
    kept: KeptWeights | None = None,
) -> Fitted:
    """Trains and calibrates the model of a task.

    Args:
        task: Model and training.
        classes: Class names by head.
        transform_output: What Transform learnt.
        train_files: Patterns of transformed examples to train on.
        eval_files: The same, to stop early and to calibrate on.
        log_dir: For TensorBoard.
        checkpoint_dir: As in `fit.train`.
        kept: Weights of another model to begin from, where there are any.

    Raises:
        DataError: A head has no labelled row to train on, or none to stop on.
    """
    # Before any dataset is made: their order, too, depends on it.
    keras.utils.set_random_seed(task.training.seed)
    spec = transform_output.transformed_feature_spec()
    counts = {
        split: dataset.label_counts(files, spec, classes)
        for split, files in ((names.TRAIN, train_files), (names.EVAL, eval_files))
    }
    check_labelled(counts)
    eval_batches = dataset.batches(eval_files, spec, task)
    train_batches = dataset.batches(train_files, spec, task, shuffle_seed=task.training.seed)
    model = build_model(task, numbers_of_ids(task, transform_output), counts[names.TRAIN])
    warm_start = take_over(model, axes_of(model, task, classes, transform_output), kept) if kept else WarmStart()
    train(model, task, train_batches, eval_batches, log_dir, checkpoint_dir)
    calibrations = calibration.fit(model, task, classes, counts[names.TRAIN], eval_batches)
    return Fitted(model, calibrations, warm_start)


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
