"""Stacks of dense layers: the piece that all trunks are made of."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from components.trainer.trunks.members import MemberDense


def stack(hidden: keras.KerasTensor, units: Sequence[int], dropout: float, name: str) -> keras.KerasTensor:
    """Returns dense ReLU layers with dropout after each; the input itself without units.

    Args:
        hidden: `(batch, width)`, or `(batch, members, width)`: then members share kernels (`trunks.members`).
        units: Widths.
        dropout: Share.
        name: Of the layers.

    Returns:
        `(batch, units[-1])` or `(batch, members, units[-1])`.
    """
    has_members = len(hidden.shape) == 3
    for i, width in enumerate(units):
        layer = f"{name}_{i}"
        dense = MemberDense(width, name=layer) if has_members else keras.layers.Dense(width, "relu", name=layer)
        hidden = dense(hidden)
        if dropout:
            hidden = keras.layers.Dropout(dropout, name=f"{name}_{i}_dropout")(hidden)
    return hidden


def mixture(experts: Sequence[keras.KerasTensor], selector: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Returns sum_e softmax(W x)_e expert_e, `(..., units)`: a linear gate on `selector` weighs the experts.

    Args:
        experts: Outputs of the experts, each `(..., units)`.
        selector: What the gate sees, `(..., width)`.
        name: Of the gate.
    """
    gate = keras.layers.Dense(len(experts), activation="softmax", use_bias=False, name=name)(selector)
    return keras.ops.sum(keras.ops.expand_dims(gate, -1) * keras.ops.stack(experts, axis=-2), axis=-2)
