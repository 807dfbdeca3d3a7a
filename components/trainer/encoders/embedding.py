"""A category as a learnt vector."""

from __future__ import annotations

import keras

from schema import names
from schema.task import CategoricalFeature


def encode(
    name: str, feature: CategoricalFeature, num_ids: int | None
) -> tuple[list[keras.KerasTensor], keras.KerasTensor]:
    """Returns the model inputs of a feature and its encoding.

    Output shape: `(batch, embedding)`.
    """
    column = keras.Input(shape=(), name=names.transformed(name), dtype="int64")
    return [column], keras.layers.Embedding(num_ids, feature.embedding, name=f"{name}_embedding")(column)
