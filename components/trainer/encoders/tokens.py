"""What the encoders of texts have in common."""

from __future__ import annotations

import keras

from schema import names
from schema.features import TextEncoder, TextFeature


def inputs(name: str, feature: TextFeature) -> list[keras.KerasTensor]:
    """Returns the ids of the tokens, 0 behind the last: int64, `(batch, tokens)`."""
    return [keras.Input(shape=(feature.tokens,), name=names.transformed(name), dtype="int64")]


def embed(ids: keras.KerasTensor, name: str, encoder: TextEncoder, num_ids: int | None) -> keras.KerasTensor:
    """Returns the vector of each token, `(batch, tokens, embedding)`, with a mask for layers that heed one."""
    return keras.layers.Embedding(num_ids, encoder.embedding, mask_zero=True, name=f"{name}_embedding")(ids)
