"""An image through blocks of convolution and pooling, trained from scratch."""

from __future__ import annotations

import keras

from schema.features import CnnEncoder


def encode(columns: list[keras.KerasTensor], name: str, encoder: CnnEncoder, num_ids: int | None) -> keras.KerasTensor:
    """Returns a dense ReLU layer on the flattened last block, `(batch, units)`; no softmax: the heads do that."""
    hidden = keras.layers.Rescaling(1 / 255, name=f"{name}_rescaling")(columns[0])
    for i, filters in enumerate(encoder.filters):
        convolution = keras.layers.Conv2D(
            filters, encoder.kernel, padding="same", activation="relu", name=f"{name}_{i}"
        )
        hidden = keras.layers.MaxPooling2D(2, name=f"{name}_{i}_pooling")(convolution(hidden))
    hidden = keras.layers.Flatten(name=f"{name}_flat")(hidden)
    if encoder.dropout:
        hidden = keras.layers.Dropout(encoder.dropout, name=f"{name}_flat_dropout")(hidden)
    hidden = keras.layers.Dense(encoder.units, "relu", name=f"{name}_dense")(hidden)
    return keras.layers.Dropout(encoder.dropout, name=f"{name}_dropout")(hidden) if encoder.dropout else hidden
