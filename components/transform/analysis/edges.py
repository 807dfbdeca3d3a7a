"""Edges of bins that hold about equally many numbers."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
from tfx_bsl.sketches import QuantilesSketch

from components.transform.analysis.accumulator import numbers
from components.transform.analysis.extremes import Extremes

# Rank error of the quantiles, as a share of the rows: a thirtieth of a bin of 32.
_QUANTILE_ERROR = 0.001
# More rows than any span or table has; the sketch's buffers grow with their logarithm. As TensorFlow Transform has it.
_MAX_VALUES = 2**32


class Edges:
    """Gathers the extremes, and sketches of the quantiles of all values and of those that are not 0.

    The sketch is the one that TensorFlow Transform uses, of the weighted quantiles summaries of Zhang and Wang 2007
    (SSDBM, "A Fast Algorithm for Approximate Quantiles in High Speed Data Streams"): what was merged has the rank error
    of what was gathered whole.

    Args:
        bins: Number of intervals.
    """

    kind = f"edges {_QUANTILE_ERROR}"

    def __init__(self, bins: int):
        self._bins = bins
        self._extremes = Extremes()
        self._of_all, self._of_others = _sketch(), _sketch()

    def add(self, column: pa.Array) -> None:
        """Gathers rows of a column."""
        self._extremes.add(column)
        values = numbers(column)
        self._of_all.AddValues(pa.array(values))
        self._of_others.AddValues(pa.array(values[values != 0]))

    def merge(self, state: dict[str, Any]) -> None:
        """Gathers what another one has gathered."""
        self._extremes.merge(state["extremes"])
        self._of_all.Merge(_restored(state["of_all"]))
        self._of_others.Merge(_restored(state["of_others"]))

    def state(self) -> dict[str, Any]:
        """Returns extremes and sketches."""
        sketches = {"of_all": _packed(self._of_all), "of_others": _packed(self._of_others)}
        return {"extremes": self._extremes.state(), **sketches}

    def result(self) -> list[float]:
        """Returns least and largest value and, between them, quantiles: one half over all values, one over those not 0.

        Where most values are 0, nearly all quantiles are; those of the other values tell these apart.

        Returns:
            The edges, one more than there are bins, ascending; edges may be equal.
        """
        of_others = (self._bins - 1) // 2
        least, largest = self._extremes.result()
        between = [*_quantiles(self._of_all, self._bins - 1 - of_others), *_quantiles(self._of_others, of_others)]
        edges = np.array([least, *between, largest], np.float32)
        ascending: list[float] = np.sort(np.where(np.isfinite(edges), edges, 0.0)).tolist()
        return ascending


def _sketch() -> QuantilesSketch:
    return QuantilesSketch(_QUANTILE_ERROR, _MAX_VALUES, 1)


def _quantiles(sketch: QuantilesSketch, count: int) -> list[float]:
    """Returns the inner boundaries of `count + 1` parts of equal size; zeros if there are no values."""
    if not count:
        return []
    found = sketch.GetQuantiles(count + 1).to_pylist()
    return found[0][1:-1] if found else [0.0] * count


def _packed(sketch: QuantilesSketch) -> str:
    sketch.Compact()  # Ten times as small, where values repeat; the rank error allows for doing it once.
    return base64.b64encode(zlib.compress(sketch.__getstate__(), 1)).decode()


def _restored(packed: str) -> QuantilesSketch:
    sketch = QuantilesSketch.__new__(QuantilesSketch)
    sketch.__setstate__(zlib.decompress(base64.b64decode(packed)))
    return sketch
