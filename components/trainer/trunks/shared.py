"""Hard parameter sharing: one stack of dense layers under every head (Caruana 1997)."""

from __future__ import annotations

from collections.abc import Iterable

import keras

from schema.task import SharedTrunk


def build(encoded: keras.KerasTensor, trunk: SharedTrunk, heads: Iterable[str]) -> dict[str, keras.KerasTensor]:
    """Returns what every head sees: here the same `(batch, units[-1])` for all."""
    hidden = encoded
    for i, units in enumerate(trunk.units):
        hidden = keras.layers.Dense(units, activation="relu", name=f"trunk_{i}")(hidden)
        if trunk.dropout:
            hidden = keras.layers.Dropout(trunk.dropout, name=f"trunk_{i}_dropout")(hidden)
    return dict.fromkeys(heads, hidden)
