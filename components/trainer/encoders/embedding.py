"""A category as a learnt vector."""

from __future__ import annotations

import keras

from schema import names
from schema.features import CategoricalFeature


def inputs(name: str, feature: CategoricalFeature) -> list[keras.KerasTensor]:
    """Returns the id: int64, `(batch,)`."""
    return [keras.Input(shape=(), name=names.transformed(name), dtype="int64")]


def encode(
    columns: list[keras.KerasTensor], name: str, feature: CategoricalFeature, num_ids: int | None
) -> keras.KerasTensor:
    """Returns the vector of each row's id: `(batch, embedding)`."""
    return keras.layers.Embedding(num_ids, feature.embedding, name=f"{name}_embedding")(columns[0])
