"""A text as the last state of an LSTM over its tokens (Hochreiter 1997)."""

from __future__ import annotations

import keras

from components.trainer.encoders.tokens import embed
from schema.features import LstmEncoder


def encode(columns: list[keras.KerasTensor], name: str, encoder: LstmEncoder, num_ids: int | None) -> keras.KerasTensor:
    """Returns the state after the last token, `(batch, units)`; zeros for a text without tokens."""
    vectors = embed(columns[0], name, encoder, num_ids)
    if encoder.dropout:
        vectors = keras.layers.Dropout(encoder.dropout, name=f"{name}_dropout")(vectors)
    return keras.layers.LSTM(encoder.units, name=f"{name}_lstm")(vectors)
