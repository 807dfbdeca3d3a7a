"""What two samples of a column are compared on: the same values, or the same bins of numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from components.data_gate.drift.counts import Counts
from schema.drift import Kind
from schema.names import NO_TAG

# As many as TensorFlow Data Validation's histograms have. More of them find smaller moves only in more rows.
_NUM_BINS = 10
# A report names this many values of a column.
_MAX_NAMED = 10
_NO_TAG_NAME = "(no tag)"


class Bins(Protocol):
    """Where the values of a column fall."""

    def of(self, counts: Counts) -> np.ndarray:
        """Returns the values of a sample by bin, int64 `(bins,)`."""
        ...

    def histogram(self, counts: Counts) -> dict[str, Any]:
        """Returns a sample as report.json has it."""
        ...


def common(newest: Counts, reference: Counts, kind: Kind) -> Bins:
    """Returns bins for two samples, neither of which is empty."""
    return Categories.common(newest, reference) if kind == "category" else Numbers.common(newest, reference)


@dataclasses.dataclass(frozen=True)
class Categories:
    """A bin for every value that is named, and a last one for all others.

    Attributes:
        position: Bin by value, in the order of how much of either sample it is, the most first.
    """

    position: Mapping[str, int]

    @classmethod
    def common(cls, newest: Counts, reference: Counts) -> Categories:
        """Returns a bin for every value of two samples."""
        shares: dict[str, float] = {}
        for sample in (newest, reference):
            for value, number in zip(sample.values.tolist(), sample.counts.tolist(), strict=True):
                shares[value] = max(shares.get(value, 0.0), number / sample.total)
        ordered = sorted(shares, key=lambda value: (-shares[value], value))
        return cls({value: i for i, value in enumerate(ordered)})

    def of(self, counts: Counts) -> np.ndarray:
        """Returns the values of a sample by bin, int64 `(bins,)`."""
        binned = np.zeros(len(self.position) + 1, np.int64)
        for value, number in zip(counts.values.tolist(), counts.counts.tolist(), strict=True):
            binned[self.position.get(value, -1)] += number
        binned[-1] += counts.total - counts.counts.sum()
        return binned

    def histogram(self, counts: Counts) -> dict[str, Any]:
        """Returns the values that are most of either sample, their `counts`, and how many `others` there are."""
        binned = self.of(counts)
        names = [value if value != NO_TAG else _NO_TAG_NAME for value in list(self.position)[:_MAX_NAMED]]
        shown = binned[: len(names)]
        return {"values": names, "counts": shown.tolist(), "others": int(binned.sum() - shown.sum())}


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Bins that hold about equally much of two samples together, each counted as one half whatever its size.

    Bins of equal width, as TensorFlow Data Validation has them, see nothing any more once one number is far off.

    Attributes:
        lowest: The smallest number.
        edges: Between the bins, ascending; a number on an edge belongs below it.
        highest: The largest number.
    """

    lowest: float
    edges: np.ndarray
    highest: float

    @classmethod
    def common(cls, newest: Counts, reference: Counts) -> Numbers:
        """Returns bins for two samples."""
        values = np.concatenate([newest.values, reference.values])
        weights = np.concatenate([newest.counts / newest.total, reference.counts / reference.total])
        order = np.argsort(values, kind="stable")
        values, reached = values[order], np.cumsum(weights[order]) / 2
        quantiles = np.arange(1, _NUM_BINS) / _NUM_BINS
        # Sums of fractions are not exact.
        edges = np.unique(values[np.searchsorted(reached, quantiles - 1e-12)])
        return cls(float(values[0]), edges[edges < values[-1]], float(values[-1]))

    def of(self, counts: Counts) -> np.ndarray:
        """Returns the values of a sample by bin, int64 `(bins,)`; those out of range are in the first and last."""
        bins = np.searchsorted(self.edges, counts.values)
        return np.bincount(bins, counts.counts, minlength=len(self.edges) + 1).astype(np.int64)

    def histogram(self, counts: Counts) -> dict[str, Any]:
        """Returns `edges`, one more than there are bins, and `counts`."""
        return {"edges": [self.lowest, *self.edges.tolist(), self.highest], "counts": self.of(counts).tolist()}
