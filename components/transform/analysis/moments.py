"""Mean and variance of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from components.transform.analysis.accumulator import numbers


class Moments:
    """Gathers count, mean and sum of squared differences from it, all in float64.

    Merged by the pairwise formula of Chan, Golub and LeVeque 1983 (The American Statistician 37(3)), equation 2.1b,
    which loses nothing where the mean is large beside the deviation. Infinity and NaN are left out, as by
    TensorFlow Transform.
    """

    kind = "moments"

    def __init__(self) -> None:
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, column: pa.Array) -> None:
        """Gathers rows of a column."""
        values = numbers(column)
        finite = values[np.isfinite(values)].astype(np.float64)
        if len(finite):
            mean = float(finite.mean())
            self.merge([len(finite), mean, float(np.square(finite - mean).sum())])

    def merge(self, state: Sequence[float]) -> None:
        """Gathers what another one has gathered."""
        count, mean, squares = state
        if not count:
            return
        total, further = self._count + count, mean - self._mean
        self._squares += squares + further**2 * self._count * count / total
        self._mean += further * count / total
        self._count = int(total)

    def state(self) -> list[float]:
        """Returns count, mean and squares."""
        return [self._count, self._mean, self._squares]

    def result(self) -> list[float]:
        """Returns mean and (biased) variance; zeros if there is no value."""
        return [self._mean, self._squares / self._count if self._count else 0.0]
