"""Ids of a vocabulary learnt from the training rows, for categories and for tokens of texts."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

from schema import names
from schema.features import CategoricalFeature, TextFeature
from schema.task import TaskSpec

# Of what is not there: a missing category, the padding behind a text's last token.
NO_ID = 0


def ids(name: str, values: tf.Tensor, feature: CategoricalFeature | TextFeature, vocabulary_file: str) -> tf.Tensor:
    """Returns ids from 1 on: the vocabulary from the most frequent value on, then `oov` ids for values outside it.

    Args:
        name: The feature, after which the vocabulary is called.
        values: Strings, `(num_values,)`.
        feature: Number of `oov` ids, among which other values are spread by hash.
        vocabulary_file: The vocabulary, a term per line.

    Returns:
        int64 tensor `(num_values,)`.
    """
    # So that TFTransformOutput finds the file by this name, as an asset of the SavedModel.
    tft.annotate_asset(names.vocabulary(name), names.vocabulary(name))
    return 1 + tft.apply_vocabulary(values, vocabulary_file, num_oov_buckets=feature.oov)


def num_ids(vocabulary_size: int, feature: CategoricalFeature | TextFeature) -> int:
    """Returns how many ids a feature has with a vocabulary of that size, `NO_ID` included."""
    return 1 + vocabulary_size + feature.oov


def numbers_of_ids(task: TaskSpec, transform_output: tft.TFTransformOutput) -> dict[str, int]:
    """Returns how many ids every categorical and text feature of a task has, by feature."""
    return {
        name: num_ids(transform_output.vocabulary_size_by_name(names.vocabulary(name)), feature)
        for name, feature in task.features.items()
        if isinstance(feature, CategoricalFeature | TextFeature)
    }


def terms_of_ids(task: TaskSpec, transform_output: tft.TFTransformOutput) -> dict[str, tuple[str, ...]]:
    """Returns what every id stands for, by categorical and text feature: a term in quotes, or why there is none.

    The ids that unknown values share are told apart by how many there are, which decides what falls into each.
    """
    return {
        name: (
            "none",
            *(
                f"'{term.decode('utf-8', 'surrogateescape')}'"
                for term in transform_output.vocabulary_by_name(names.vocabulary(name))
            ),
            *(f"unknown {i} of {feature.oov}" for i in range(feature.oov)),
        )
        for name, feature in task.features.items()
        if isinstance(feature, CategoricalFeature | TextFeature)
    }
