"""Requests that TensorFlow Serving sends to a model before it takes traffic, so that no user waits for the first one.

It reads them from `assets.extra/tf_serving_warmup_requests` (tensorflow.org/tfx/serving/saved_model_warmup).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from components.canary import requests
from components.exported import Exported
from schema import names

# Rows that come alone, as most requests do, before a batch of all of them.
_SINGLE_ROWS = 4


def write(file: Path, rows: Sequence[requests.Row], exported: Exported) -> None:
    """Writes the requests.

    Args:
        file: TFRecords of PredictionLog.
        rows: Real ones.
        exported: Task and features of the model.
    """
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in logs(rows, exported):
            writer.write(log.SerializeToString(deterministic=True))


def logs(rows: Sequence[requests.Row], exported: Exported) -> Iterator[prediction_log_pb2.PredictionLog]:
    """Yields single rows and a batch of all rows, for each serving signature."""
    for batch in (*([row] for row in rows[:_SINGLE_ROWS]), rows):
        yield _log(exported.task, names.SERVING_DEFAULT, requests.columns(batch, exported.features))
        serialized = np.array(requests.examples(batch, exported.features), object)
        yield _log(exported.task, names.SERVING_TF_EXAMPLE, {names.EXAMPLES: serialized})


def _log(task: str, signature: str, inputs: Mapping[str, Any]) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest(
        model_spec=model_pb2.ModelSpec(name=task, signature_name=signature),
        inputs={name: tf.make_tensor_proto(values) for name, values in inputs.items()},
    )
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
