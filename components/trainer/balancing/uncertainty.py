"""Weights from the noise that each head is learnt to have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from components.trainer.balancing.base import Balancer, state
from schema.training import UncertaintyBalancing

# Of |s_i|: weights stay between 0.05 and 20.
MAX_LOG_VARIANCE = 3.0


class Uncertainty(Balancer):
    """sum_i exp(-s_i) l_i + s_i / 2 over weights and s_i (Kendall et al. 2018, arXiv 1705.07115, equation 10).

    The s_i descend along their own gradient, 1/2 - exp(-s_i) l_i, by a rate of their own: where it is 0, at
    s_i = log(2 l_i), the curvature is 1/2 whatever the loss, so they need no optimiser that adapts. The sum may become
    negative; early stopping watches the losses themselves.

    Args:
        spec: Its learning rate.
        heads: Names of the heads.
    """

    spec: UncertaintyBalancing

    def __init__(self, spec: UncertaintyBalancing, heads: Sequence[str]):
        super().__init__(spec, heads)
        self._log_variances = state("log_variances", len(heads))

    def variables(self) -> list[keras.Variable]:
        """Returns the s_i."""
        return [self._log_variances]

    def weights(self, losses: Any, present: Any) -> Any:
        """Returns exp(-s_i)."""
        return keras.ops.exp(-self._log_variances)

    def after_step(self, losses: Any, present: Any, again: Callable[[], Any]) -> None:
        """Moves the s_i of the heads that are present."""
        slope = 0.5 - self.weights(losses, present) * losses
        moved = self._log_variances - self.spec.learning_rate * present * slope
        self._log_variances.assign(keras.ops.clip(moved, -MAX_LOG_VARIANCE, MAX_LOG_VARIANCE))
