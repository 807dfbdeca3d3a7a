"""Stacks of dense layers: the piece that all trunks are made of."""

from __future__ import annotations

from collections.abc import Sequence

import keras


def stack(hidden: keras.KerasTensor, units: Sequence[int], dropout: float, name: str) -> keras.KerasTensor:
    """Returns dense ReLU layers with dropout after each, `(batch, units[-1])`; the input itself without units."""
    for i, width in enumerate(units):
        hidden = keras.layers.Dense(width, activation="relu", name=f"{name}_{i}")(hidden)
        if dropout:
            hidden = keras.layers.Dropout(dropout, name=f"{name}_{i}_dropout")(hidden)
    return hidden


def mixture(experts: Sequence[keras.KerasTensor], selector: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Returns sum_e softmax(W x)_e expert_e, `(batch, units)`: a linear gate on `selector` weighs the experts.

    Args:
        experts: Outputs of the experts, each `(batch, units)`.
        selector: What the gate sees, `(batch, width)`.
        name: Of the gate.
    """
    gate = keras.layers.Dense(len(experts), activation="softmax", use_bias=False, name=name)(selector)
    return keras.ops.sum(keras.ops.expand_dims(gate, -1) * keras.ops.stack(experts, axis=1), axis=1)
