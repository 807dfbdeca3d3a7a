"""Gradients that do not pull against each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from components.trainer.balancing.base import Balancer
from components.trainer.balancing.per_head import dot_products, gradients_by_variable, is_shared, matrix
from components.trainer.balancing.replicas import over_replicas
from schema.training import PcgradBalancing

# Of |g|^2: a smaller gradient is none.
MIN_SQUARE = 1e-30


class PCGrad(Balancer):
    """Projects conflicting gradients (Yu et al. 2020, arXiv 2001.06782, algorithm 1), on what several heads share.

    What a single head reaches gets that head's gradient. A backward pass per head, and its gradients are held at once,
    hence the limit of heads (`schema.training.MAX_PCGRAD_HEADS`).

    Args:
        spec: Nothing.
        heads: Names of the heads.
    """

    per_head_gradients = True

    def __init__(self, spec: PcgradBalancing, heads: Sequence[str]):
        super().__init__(spec, heads)
        # Its seed comes from keras.utils.set_random_seed.
        self._seeds = keras.random.SeedGenerator()

    def variables(self) -> list[keras.Variable]:
        """Returns the state of the random order."""
        return [self._seeds.state]

    def gradients(
        self, tape: Any, shares: Sequence[Any], losses: Any, present: Any, variables: Sequence[Any]
    ) -> tuple[list[Any], Any]:
        """Returns the projected gradients, and each head's weight in those of the shared variables."""
        by_variable = gradients_by_variable(tape, shares, variables)
        matrices = {i: matrix(gradients) for i, gradients in enumerate(by_variable) if is_shared(gradients)}
        if not matrices:
            return [_only(gradients) for gradients in by_variable], self.weights(losses, present)
        num_heads = len(self.heads)
        order = keras.ops.argsort(keras.random.uniform((num_heads, num_heads), seed=self._seeds), axis=1)
        weights = projected(dot_products(over_replicas(list(matrices.values()))), order)
        return [
            keras.ops.reshape(keras.ops.matmul(weights, matrices[i]), variables[i].shape)
            if i in matrices
            else _only(gradients)
            for i, gradients in enumerate(by_variable)
        ], weights


def projected(dots: Any, order: Any) -> Any:
    """Returns a with sum_i a_i g_i = the sum of the projected gradients, `(num_heads,)`.

    For every head i and every other j in its order: if g_i . g_j < 0, g_i -= (g_i . g_j / g_j . g_j) g_j, where g_j is
    as it was at first. All g_i stay combinations of the first gradients, so their dot products say everything.

    Args:
        dots: g_i . g_j, `(num_heads, num_heads)`.
        order: For every head a permutation of all heads, `(num_heads, num_heads)`.
    """
    num_heads = dots.shape[0]
    start = keras.ops.eye(num_heads)
    combinations = start
    squares = keras.ops.maximum(keras.ops.diagonal(dots), MIN_SQUARE)
    for turn in range(num_heads):
        other = keras.ops.one_hot(order[:, turn], num_heads) * (1 - start)
        conflict = keras.ops.minimum(keras.ops.matmul(combinations, dots), 0.0)
        combinations = combinations - other * conflict / squares
    return keras.ops.sum(combinations, axis=0)


def _only(gradients: Sequence[Any]) -> Any:
    """Returns the gradient of the one head that reaches a variable, None if none does."""
    return next((gradient for gradient in gradients if gradient is not None), None)
