"""A categorical column: ids of a vocabulary learnt from the training rows."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

from components.transform.dense import one_per_row
from schema import names
from schema.features import CategoricalFeature

_MISSING_ID = 0


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
    if column.dtype != tf.string:
        column = column.with_values(tf.strings.as_string(column.values))
    ids = tft.compute_and_apply_vocabulary(
        column,
        top_k=feature.vocabulary,
        num_oov_buckets=feature.oov,
        vocab_filename=names.vocabulary(name),
    )
    return {names.transformed(name): one_per_row(ids.with_values(ids.values + 1), _MISSING_ID)}


def num_ids(vocabulary_size: int, feature: CategoricalFeature) -> int:
    """Returns how many ids `transform` can give for a vocabulary of that size."""
    return 1 + vocabulary_size + feature.oov
