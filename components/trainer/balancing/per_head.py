"""Gradients of single heads, and how they lie to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


def gradients_by_variable(tape: Any, losses: Sequence[Any], variables: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Returns for each variable the dense gradient of every head's loss, None for a head that does not reach it.

    Args:
        tape: A persistent one.
        losses: A scalar per head.
        variables: As many as there will be tuples.
    """
    by_head = [tape.gradient(loss, list(variables)) for loss in losses]
    return [
        tuple(None if g is None else tf.convert_to_tensor(g) for g in of_heads)
        for of_heads in zip(*by_head, strict=True)
    ]


def is_shared(gradients: Sequence[Any]) -> bool:
    """Returns whether more than one head reaches a variable."""
    return sum(gradient is not None for gradient in gradients) > 1


def matrix(gradients: Sequence[Any]) -> Any:
    """Returns a variable's gradients as rows, `(num_heads, size)`, zeros for a head that does not reach it."""
    zeros = keras.ops.zeros_like(next(gradient for gradient in gradients if gradient is not None))
    rows = [zeros if gradient is None else gradient for gradient in gradients]
    return keras.ops.stack([keras.ops.reshape(row, (-1,)) for row in rows])


def dot_products(matrices: Sequence[Any]) -> Any:
    """Returns g_i . g_j over all variables, `(num_heads, num_heads)`, of a matrix of gradients for each."""
    return sum(keras.ops.matmul(rows, keras.ops.transpose(rows)) for rows in matrices)
