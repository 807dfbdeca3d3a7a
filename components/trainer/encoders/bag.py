"""A text as the mean of its tokens' vectors (a deep averaging network's input, Iyyer 2015)."""

from __future__ import annotations

import keras

from components.trainer.encoders.tokens import embed
from schema.features import BagEncoder


def encode(columns: list[keras.KerasTensor], name: str, encoder: BagEncoder, num_ids: int | None) -> keras.KerasTensor:
    """Returns the mean over the tokens, `(batch, embedding)`; zeros for a text without tokens."""
    ids = columns[0]
    vectors = embed(ids, name, encoder, num_ids)
    # GlobalAveragePooling1D heeds the mask, too, but divides by 0 where there is no token.
    is_token = keras.ops.cast(keras.ops.expand_dims(ids != 0, -1), "float32")
    count = keras.ops.maximum(keras.ops.sum(is_token, axis=1), 1.0)
    mean = keras.ops.sum(vectors * is_token, axis=1) / count
    return keras.layers.Dropout(encoder.dropout, name=f"{name}_dropout")(mean) if encoder.dropout else mean
