"""An image column: the encoded bytes, which `components.images` decodes for training and in the served model."""

from __future__ import annotations

import tensorflow as tf

from components.transform.dense import one_per_row
from schema import names
from schema.features import ImageFeature


def accumulator(feature: ImageFeature) -> None:
    """Nothing is learnt."""


def transform(name: str, column: tf.SparseTensor, feature: ImageFeature, learnt: None) -> dict[str, tf.Tensor]:
    """Returns the bytes of every row's image: decoded ones would make transformed examples many times as large.

    Args:
        name: The feature.
        column: BYTES values, `(batch, at most 1)`.
        feature: Unused: pixels are the model's.
        learnt: Nothing.

    Returns:
        string tensor `(batch,)`, empty where there is no image.
    """
    return {names.transformed(name): one_per_row(column, "")}
