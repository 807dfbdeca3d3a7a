"""Named tensors, one per feature, as the sparse columns that tf.io.parse_example makes of tf.Examples."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from schema import names

# Types of raw columns, as schema.pbtxt calls them.
TYPE_NAMES = {tf.int64: "INT", tf.float32: "FLOAT", tf.string: "BYTES"}


def tensor_specs(raw_spec: Mapping[str, tf.io.VarLenFeature]) -> dict[str, tf.TensorSpec]:
    """Returns what `to_sparse` takes: tensors `(batch,)` of the columns' own types."""
    return {name: tf.TensorSpec([None], spec.dtype, name=name) for name, spec in raw_spec.items()}


def sparse_specs(raw_spec: Mapping[str, tf.io.VarLenFeature]) -> dict[str, tf.SparseTensorSpec]:
    """Returns what `to_sparse` and `tf.io.parse_example` make: sparse tensors `(batch, values)`."""
    return {name: tf.SparseTensorSpec([None, None], spec.dtype) for name, spec in raw_spec.items()}


def left_out(raw_spec: Mapping[str, tf.io.VarLenFeature]) -> dict[str, tf.Tensor]:
    """Returns what stands for a feature that a request leaves out, whatever its number of rows: no values."""
    return {name: tf.zeros([0], spec.dtype) for name, spec in raw_spec.items()}


def to_sparse(columns: Mapping[str, tf.Tensor]) -> dict[str, tf.SparseTensor]:
    """Returns columns without their missing values.

    Args:
        columns: int64, float32 or string tensors by feature: `(batch,)`, with `names.MISSING_INT`, NaN or an empty text
            where a row has no value, or `(0,)` where none has.

    Returns:
        Sparse tensors `(batch, 1)` of the same types.

    Raises:
        tf.errors.InvalidArgumentError: When it runs, on columns of different lengths.
    """
    num_rows, check = _count_rows(columns)
    with tf.control_dependencies([check]):
        return {name: _sparse(values, num_rows) for name, values in columns.items()}


def at_least_one_row(columns: Mapping[str, tf.SparseTensor]) -> tuple[dict[str, tf.SparseTensor], tf.Tensor]:
    """Returns the columns, where there is no row with one that has no value, and the number of rows there are.

    TensorFlow runs a convolution, its bias and its activation as one operation, which of no rows answers in the shape
    of its input: a second convolution fails.

    Args:
        columns: Sparse tensors `(batch, values)` by feature.

    Returns:
        The same, `(max(batch, 1), values)`, and the batch, an int64 scalar.
    """
    num_rows = next(iter(columns.values())).dense_shape[0]
    one = tf.constant([1, 0], tf.int64)
    padded = {
        name: tf.SparseTensor(column.indices, column.values, tf.maximum(column.dense_shape, one))
        for name, column in columns.items()
    }
    return padded, num_rows


def _count_rows(columns: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Operation]:
    """Returns the number of rows, and what fails if columns disagree about it."""
    lengths = tf.stack([tf.size(values, tf.int64) for values in columns.values()])
    num_rows = tf.reduce_max(lengths)
    is_wrong = (lengths != 0) & (lengths != num_rows)
    message = [
        "every feature takes one value per row, or none at all if it is left out; the longest one has rows:",
        num_rows,
        "but these features",
        tf.boolean_mask(tf.constant(list(columns)), is_wrong),
        "have",
        tf.boolean_mask(lengths, is_wrong),
    ]
    return num_rows, tf.debugging.Assert(~tf.reduce_any(is_wrong), message, summarize=len(columns))


def _sparse(values: tf.Tensor, num_rows: tf.Tensor) -> tf.SparseTensor:
    rows = tf.where(_is_present(values))
    indices = tf.pad(rows, [[0, 0], [0, 1]])
    return tf.SparseTensor(indices, tf.gather(values, rows[:, 0]), tf.stack([num_rows, 1]))


def _is_present(values: tf.Tensor) -> tf.Tensor:
    if values.dtype == tf.string:
        return tf.not_equal(values, "")
    if values.dtype == tf.int64:
        return tf.not_equal(values, names.MISSING_INT)
    return ~tf.math.is_nan(values)
