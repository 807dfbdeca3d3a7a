"""One training of a grid, from transformed examples to metrics on `test`."""

from __future__ import annotations

import dataclasses
import gc
import math
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx import types
from tfx.types import artifact_utils

from components.evaluator.metrics import ECE_UNCALIBRATED, head_metrics
from components.trainer.dataset import options
from components.trainer.export import model_inputs
from components.trainer.logits import log_probabilities
from components.trainer.run import Fitted, fit_model
from schema import names
from schema.contract import Contract
from schema.gates import METRICS
from schema.task import TaskSpec

_BATCH = 512  # Rows of `test` at a time.


@dataclasses.dataclass(frozen=True)
class Examples:
    """What the trainings of a grid share.

    Attributes:
        transform_output: What Transform learnt.
        train: Patterns of transformed examples to train on.
        eval: The same, to stop early and to calibrate on.
        test: Batches of transformed columns by name: Transform itself leaves `test` alone.
    """

    transform_output: tft.TFTransformOutput
    train: list[str]
    eval: list[str]
    test: tf.data.Dataset


def find_examples(raw: types.Artifact, transformed: types.Artifact, transform_graph: types.Artifact) -> Examples:
    """Returns the examples of ExampleGen's and Transform's artifacts."""
    transform_output = tft.TFTransformOutput(transform_graph.uri)
    train, evaluation = (_pattern(transformed, split) for split in (names.TRAIN, names.EVAL))
    return Examples(transform_output, [train], [evaluation], transform(transform_output, _pattern(raw, names.TEST)))


def transform(transform_output: tft.TFTransformOutput, pattern: str) -> tf.data.Dataset:
    """Returns batches of transformed columns of raw examples, gzip TFRecords."""
    layer, spec = transform_output.transform_features_layer(), transform_output.raw_feature_spec()
    rows = tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(pattern)), compression_type="GZIP")
    transformed = tf.autograph.experimental.do_not_convert(lambda rows: layer(tf.io.parse_example(rows, spec)))
    return rows.batch(_BATCH).map(transformed).with_options(options())


def train_and_judge(contract: Contract, examples: Examples, folder: Path) -> dict[str, Any]:
    """Trains one model.

    Args:
        contract: The task, with the seed of this training.
        examples: As Transform made them for this task.
        folder: Of this training alone: for TensorBoard, and for the state from which a killed training goes on.

    Returns:
        `seconds` of training, with reading and calibration, since it was last resumed; `epochs`; `parameters`; and
        `heads`, metrics by head, None where a metric is not defined.
    """
    started = time.monotonic()
    fitted = fit_model(
        contract.task,
        contract.classes,
        examples.transform_output,
        examples.train,
        examples.eval,
        str(folder / "logs"),
        folder / "checkpoint",
    )
    seconds = time.monotonic() - started
    result = {
        "seconds": round(seconds, 2),
        "epochs": fitted.model.history.epoch[-1] + 1,
        "parameters": fitted.model.count_params(),
        "heads": judge(fitted, contract.task, examples.test),
    }
    # The next model shall not find this one's layers and rows in memory.
    del fitted
    keras.backend.clear_session()
    gc.collect()
    return result


def judge(fitted: Fitted, task: TaskSpec, test: tf.data.Dataset) -> dict[str, dict[str, float | None]]:
    """Returns the metrics of every head over its labelled rows, of the scores that the exported model would give."""
    model, heads = fitted.model, fitted.calibrations

    @tf.function(reduce_retracing=True, autograph=False)
    def answer(columns: dict[str, tf.Tensor]) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
        logits = model(model_inputs(columns, task, model), training=False)
        log_p = {head: log_probabilities(logits[head], model.members) for head in heads}
        return {name: (head.scores(log_p[name]), head.uncalibrated(log_p[name])) for name, head in heads.items()}

    found: dict[str, list[tuple[Any, ...]]] = {head: [] for head in heads}
    for columns in test:
        for head, answers in answer(columns).items():
            found[head].append((columns[names.label(head)], columns[names.labelled(head)], *answers))
    metrics = {}
    for name, head in heads.items():
        labels, mask, scores, uncalibrated = (np.concatenate(parts) for parts in zip(*found[name], strict=True))
        values = head_metrics(labels, scores, mask, head.thresholds, head.is_multilabel, uncalibrated)
        metrics[name] = {key: _number(values[key]) for key in (*METRICS, ECE_UNCALIBRATED)}
    return metrics


def _pattern(artifact: types.Artifact, split: str) -> str:
    return f"{artifact_utils.get_split_uri([artifact], split)}/*"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
