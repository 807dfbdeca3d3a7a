"""The first requests of a loaded model, so that no client waits while TensorFlow prepares itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from components.exported import EXTRA_FOLDER, WARMUP_FILE
from components.servable import Servable
from pipeline.serve.asking import ask
from pipeline.serve.protocol import Inputs
from schema import names

# TensorFlow Serving's limit on what is in the file.
_MAX_REQUESTS = 1000


def warm_up(servable: Servable, taken: Mapping[str, Inputs]) -> None:
    """Asks a model what its warm-up file asks; without one, for a row of which nothing is known.

    Args:
        servable: The model.
        taken: Inputs by signature.

    Raises:
        DataError: The model does not answer.
    """
    file = servable.folder / EXTRA_FOLDER / WARMUP_FILE
    asked = _recorded(file) if file.is_file() else [(name, _nothing(inputs)) for name, inputs in taken.items()]
    for signature, columns in asked:
        if signature in taken:
            ask(servable, signature, columns)


def _nothing(inputs: Inputs) -> dict[str, np.ndarray]:
    """Returns one row without values; as a tf.Example, that is an empty text."""
    return {name: part.missing(1) for name, part in inputs.items()}


def _recorded(file: Path) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    for record in tf.data.TFRecordDataset(str(file)).take(_MAX_REQUESTS).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        signature = request.model_spec.signature_name or names.SERVING_DEFAULT
        yield signature, {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
