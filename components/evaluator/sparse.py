"""Counts of which nearly all are 0, such as the histograms of scores of hundreds of slices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class SparseCounts:
    """Counts of cells, by group; cell `c` of group `g` has the number `g * width + c`.

    Attributes:
        width: Cells of a group.
        cells: Numbers of the cells that are not 0, ascending, int64 `(n,)`.
        counts: int64 `(n,)`.
    """

    width: int
    cells: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, width: int, groups: np.ndarray, cells: np.ndarray) -> SparseCounts:
        """Counts rows.

        Args:
            width: Cells of a group.
            groups: Of every row, int64 `(rows,)`.
            cells: Which ones a row is counted in, within its group, int64 `(rows, ...)`.
        """
        firsts = (groups * width).reshape(-1, *[1] * (cells.ndim - 1))
        return cls(width, *np.unique(cells + firsts, return_counts=True))

    @classmethod
    def merged(cls, parts: Sequence[SparseCounts], places: Sequence[np.ndarray]) -> SparseCounts:
        """Adds counts.

        Args:
            parts: At least one, of the same width.
            places: What the groups of each part are called in the sum, int64 `(groups of the part,)`.
        """
        width = parts[0].width
        moved = [
            place[part.cells // width] * width + part.cells % width for part, place in zip(parts, places, strict=True)
        ]
        cells, counts = np.concatenate(moved), np.concatenate([part.counts for part in parts])
        order = np.argsort(cells, kind="stable")
        cells, counts = cells[order], counts[order]
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        return cls(width, cells[starts], np.add.reduceat(counts, starts) if len(starts) else counts)

    def dense(self, group: int) -> np.ndarray:
        """Returns all counts of a group, int64 `(width,)`."""
        first, last = np.searchsorted(self.cells, (group * self.width, (group + 1) * self.width))
        whole = np.zeros(self.width, np.int64)
        whole[self.cells[first:last] - group * self.width] = self.counts[first:last]
        return whole
