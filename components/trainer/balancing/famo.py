"""Weights by which every head's loss falls at the same rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from components.trainer.balancing.base import Balancer, state
from schema.training import FamoBalancing

# Of Adam (Kingma 2015) as the paper uses it.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
# Keeps the logarithm of a loss, and what is divided by one, finite.
MIN_LOSS = 1e-8


class Famo(Balancer):
    """Fast adaptive multitask optimisation (Liu et al. 2023, arXiv 2306.03792, algorithm 1).

    With z = softmax(xi) a step goes along sum_i (z_i / c) gradient(log l_i), c = sum_i z_i / l_i: the weights
    z_i / (c l_i) add up to 1. Then Adam moves xi along J^T (log l(t) - log l(t + 1)) + decay xi, where J is the
    Jacobian of the softmax and l(t + 1) are the losses of the same batch after the step: a head whose loss fell more
    than the others' will weigh less.

    All of it is over the heads that are present; the others' xi and moments rest.

    Args:
        spec: Learning rate and decay of xi.
        heads: Names of the heads.
    """

    spec: FamoBalancing

    def __init__(self, spec: FamoBalancing, heads: Sequence[str]):
        super().__init__(spec, heads)
        self._xi, self._mean, self._square, self._steps = (
            state(name, len(heads)) for name in ("xi", "mean", "square", "steps")
        )

    def variables(self) -> list[keras.Variable]:
        """Returns xi, Adam's two moments of its gradient, and its number of steps."""
        return [self._xi, self._mean, self._square, self._steps]

    def weights(self, losses: Any, present: Any) -> Any:
        """Returns z_i / (c l_i), and 0 for a head that is absent."""
        per_loss = self._shares(present) / keras.ops.maximum(losses, MIN_LOSS)
        return _normalised(per_loss)

    def after_step(self, losses: Any, present: Any, again: Callable[[], Any]) -> None:
        """Compares the losses before and after, and moves xi."""
        fell = present * (_log(losses) - _log(again()))
        shares = self._shares(present)
        gradient = shares * (fell - keras.ops.sum(shares * fell)) + self.spec.decay * self._xi
        # 0 for an absent head: what it has had from Adam stays as it was.
        steps = self._steps + present
        mean = self._mean + present * (1 - BETA_1) * (gradient - self._mean)
        square = self._square + present * (1 - BETA_2) * (gradient**2 - self._square)
        self._steps.assign(steps)
        self._mean.assign(mean)
        self._square.assign(square)
        counted = keras.ops.maximum(steps, 1.0)
        mean = mean / (1 - BETA_1**counted)
        square = square / (1 - BETA_2**counted)
        self._xi.assign_sub(present * self.spec.learning_rate * mean / (keras.ops.sqrt(square) + EPSILON))

    def _shares(self, present: Any) -> Any:
        """Returns z: the softmax of xi over the heads that are present."""
        return _normalised(keras.ops.softmax(self._xi) * present)


def _normalised(values: Any) -> Any:
    total = keras.ops.sum(values)
    return values / keras.ops.where(total > 0, total, 1.0)


def _log(losses: Any) -> Any:
    return keras.ops.log(keras.ops.maximum(losses, MIN_LOSS))
