"""Weights from how fast each head's loss fell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from components.trainer.balancing.base import Balancer, state
from schema.training import DwaBalancing


class Dwa(Balancer):
    """T softmax(r_i / temperature) with r_i = L_i(t - 1) / L_i(t - 2), means of epochs (Liu 2019, arXiv 1803.10704).

    Equation 7 there; weights of the T heads are equal in the first two epochs. A head without a labelled row in an
    epoch keeps its r_i.

    Args:
        spec: Its temperature.
        heads: Names of the heads.
    """

    spec: DwaBalancing

    def __init__(self, spec: DwaBalancing, heads: Sequence[str]):
        super().__init__(spec, heads)
        self._ratios = state("loss_ratios", len(heads), 1.0)
        self._last = state("last_losses", len(heads))

    def variables(self) -> list[keras.Variable]:
        """Returns the r_i and the losses of the last epoch, 0 for none."""
        return [self._ratios, self._last]

    def weights(self, losses: Any, present: Any) -> Any:
        """Returns the weights of this epoch."""
        return len(self.heads) * keras.ops.softmax(self._ratios / self.spec.temperature)

    def on_epoch_end(self, losses: Mapping[str, float]) -> None:
        """Compares the epoch's losses with those of the epoch before."""
        now, last = np.array([losses[head] for head in self.heads]), keras.ops.convert_to_numpy(self._last)
        kept = keras.ops.convert_to_numpy(self._ratios).astype(float)
        ratios = np.divide(now, last, out=kept, where=(now > 0) & (last > 0))
        self._ratios.assign(ratios)
        self._last.assign(np.where(now > 0, now, last))
