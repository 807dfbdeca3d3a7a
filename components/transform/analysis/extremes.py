"""The least and the largest of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from components.transform.analysis.accumulator import numbers


class Extremes:
    """Gathers the least and the largest value. NaN is left out."""

    kind = "extremes"

    def __init__(self) -> None:
        self._least, self._largest = math.inf, -math.inf

    def add(self, column: pa.Array) -> None:
        """Gathers rows of a column."""
        values = numbers(column)
        if len(values):
            self.merge([float(np.fmin.reduce(values)), float(np.fmax.reduce(values))])

    def merge(self, state: Sequence[float]) -> None:
        """Gathers what another one has gathered."""
        self._least = float(np.fmin(self._least, state[0]))
        self._largest = float(np.fmax(self._largest, state[1]))

    def state(self) -> list[float]:
        """Returns the least and the largest value; infinity and minus infinity if there is none."""
        return [self._least, self._largest]

    def result(self) -> list[float]:
        """Returns the least and the largest value; zeros if there is none."""
        return self.state() if self._least <= self._largest else [0.0, 0.0]
