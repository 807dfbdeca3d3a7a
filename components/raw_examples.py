"""Raw rows as serialized tf.Examples: the first ones of a folder, and what is wrong with those that a model refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from components import images
from components.exported import ExportedFeature

# Rows to ask a model about: enough to hold missing values and several classes, few enough for large images.
NUM_ROWS = 32

_TYPES = {"INT": tf.int64, "FLOAT": tf.float32, "BYTES": tf.string}
# Asks for a feature that no row has: what is refused all the same is no tf.Example.
_NOTHING = {"": tf.io.VarLenFeature(tf.string)}


def first(folder: str) -> list[bytes]:
    """Returns the first rows in a folder of gzip TFRecords, NUM_ROWS at most."""
    files = sorted(tf.io.gfile.glob(f"{folder}/*"))
    return [*tf.data.TFRecordDataset(files, compression_type="GZIP").take(NUM_ROWS).as_numpy_iterator()]


def tensor(serialized: Sequence[bytes]) -> tf.Tensor:
    """Returns rows as strings `(batch,)`, also where there are none: TensorFlow takes an empty list for numbers."""
    return tf.constant(list(serialized), tf.string, [len(serialized)])


def problem(serialized: Sequence[bytes], features: Mapping[str, ExportedFeature]) -> str | None:
    """Returns the first thing that a model cannot read, in a sentence; None if nothing is found.

    TensorFlow's own messages name neither row nor feature, or neither of them as its user would.

    Args:
        serialized: `(batch,)`.
        features: Of the model.
    """

    def at(row: int) -> str:
        return f"row {row}: " if len(serialized) > 1 else ""

    row = _first_refused(serialized, _NOTHING)
    if row is not None:
        return f"{at(row)}not a serialized tf.Example, or a damaged one; give what its SerializeToString() returns"
    for name, feature in features.items():
        spec = {name: tf.io.VarLenFeature(_TYPES[feature.dtype])}
        row = _first_refused(serialized, spec)
        if row is not None:
            return f"{at(row)}feature '{name}' takes {feature.dtype} values, got another type"
        column = tf.io.parse_example(tensor(serialized), spec)[name]
        for (row, position), value in zip(column.indices.numpy().tolist(), column.values.numpy(), strict=True):
            if position > 0:
                return f"{at(row)}feature '{name}' takes one value, got several"
            if feature.type == "image" and value and (reason := images.check(value)):
                return f"{at(row)}feature '{name}': the image {reason}"
    return None


def _first_refused(serialized: Sequence[bytes], spec: Mapping[str, tf.io.VarLenFeature]) -> int | None:
    if _is_read(serialized, spec):
        return None
    return next((row for row, one in enumerate(serialized) if not _is_read([one], spec)), None)


def _is_read(serialized: Sequence[bytes], spec: Mapping[str, tf.io.VarLenFeature]) -> bool:
    try:
        tf.io.parse_example(tensor(serialized), spec)
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError):  # As in `servable`.
        return False
    return True
