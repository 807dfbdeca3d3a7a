"""A categorical column: ids of a vocabulary learnt from the training rows."""

from __future__ import annotations

import pyarrow as pa
import tensorflow as tf

from components.transform.analysis.terms import Terms
from components.transform.dense import one_per_row
from components.transform.features.vocabulary import NO_ID, ids
from schema import names
from schema.features import CategoricalFeature


def accumulator(feature: CategoricalFeature) -> Terms:
    """Returns what gathers the vocabulary."""
    return Terms("categories", feature.vocabulary, _terms)


def _terms(column: pa.Array) -> pa.Array:
    values = column.flatten()
    return (values.cast(pa.string()) if pa.types.is_integer(values.type) else values).cast(pa.binary())


def transform(
    name: str, column: tf.SparseTensor, feature: CategoricalFeature, vocabulary_file: str
) -> dict[str, tf.Tensor]:
    """Returns the id of every row's value.

    Ids: 0 for missing, then the vocabulary from the most frequent value on, then `oov` ids for values outside it.

    Args:
        name: The feature.
        column: BYTES or INT values, `(batch, at most 1)`.
        feature: Number of `oov` ids.
        vocabulary_file: The vocabulary.

    Returns:
        int64 tensor `(batch,)`.
    """
    values = column.values if column.dtype == tf.string else tf.strings.as_string(column.values)
    found = ids(name, values, feature, vocabulary_file)
    return {names.transformed(name): one_per_row(column.with_values(found), NO_ID)}
