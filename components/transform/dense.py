"""Sparse columns as one value per row."""

from __future__ import annotations

import tensorflow as tf


def one_per_row(column: tf.SparseTensor, default: float | int | str) -> tf.Tensor:
    """Returns the value of every row, `(batch,)`, with `default` where there is none."""
    # A batch without any value has no second dimension of its own, hence the explicit shape.
    rows = tf.SparseTensor(column.indices, column.values, tf.stack([column.dense_shape[0], 1]))
    return tf.sparse.to_dense(rows, default_value=tf.constant(default, column.dtype))[:, 0]
