"""A categorical column: ids of a vocabulary learnt from the training rows."""

from __future__ import annotations

import tensorflow as tf

from components.transform.dense import one_per_row
from components.transform.features.vocabulary import NO_ID, ids
from schema import names
from schema.features import CategoricalFeature


def transform(name: str, column: tf.SparseTensor, feature: CategoricalFeature) -> dict[str, tf.Tensor]:
    """Returns the id of every row's value.

    Ids: 0 for missing, then the vocabulary from the most frequent value on, then `oov` ids for values outside it.

    Args:
        name: The feature.
        column: BYTES or INT values, `(batch, at most 1)`.
        feature: Size of the vocabulary.

    Returns:
        int64 tensor `(batch,)`.
    """
    values = column.values if column.dtype == tf.string else tf.strings.as_string(column.values)
    return {names.transformed(name): one_per_row(column.with_values(ids(name, values, feature)), NO_ID)}
