"""Labelled rows per class, or without and with each tag."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Classes:
    """Counts the rows of every class. A row without a label, or with an unknown one, counts for none.

    Args:
        names: Class names, in order.
    """

    kind: str

    def __init__(self, names: Sequence[str]):
        self.kind = f"classes {list(names)}"
        self._names = pa.array([name.encode() for name in names], pa.binary())
        self._counts = np.zeros(len(names), np.int64)

    def add(self, column: pa.Array) -> None:
        """Gathers rows of a column."""
        found = _indices(column.flatten(), self._names)
        self._counts += np.bincount(found[found >= 0], minlength=len(self._names))

    def merge(self, state: Sequence[int]) -> None:
        """Gathers what another one has gathered."""
        self._counts += np.array(state, np.int64)

    def state(self) -> list[int]:
        """Returns the rows of every class, in order."""
        counts: list[int] = self._counts.tolist()
        return counts

    result = state


class Tags:
    """Counts the labelled rows without and with every tag. A row with any value is labelled.

    Args:
        names: Tags, in order.
    """

    kind: str

    def __init__(self, names: Sequence[str]):
        self.kind = f"tags {list(names)}"
        self._names = pa.array([name.encode() for name in names], pa.binary())
        self._counts = np.zeros((len(names), 2), np.int64)

    def add(self, column: pa.Array) -> None:
        """Gathers rows of a column."""
        labelled = pc.sum(pc.greater(pc.list_value_length(column), 0)).as_py() or 0
        rows = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
        found = _indices(column.flatten(), self._names)
        # A tag that a row names twice counts once.
        pairs = np.unique(np.stack([rows, found], axis=1)[found >= 0], axis=0)
        having = np.bincount(pairs[:, 1], minlength=len(self._names))
        self._counts += np.stack([labelled - having, having], axis=1)

    def merge(self, state: Sequence[Sequence[int]]) -> None:
        """Gathers what another one has gathered."""
        self._counts += np.array(state, np.int64).reshape(self._counts.shape)

    def state(self) -> list[list[int]]:
        """Returns, by tag, the rows without and with it."""
        counts: list[list[int]] = self._counts.tolist()
        return counts

    result = state


def _indices(values: pa.Array, names: pa.Array) -> np.ndarray:
    """Returns the place of every value among names, int64 `(values,)`; -1 if it is not there."""
    found = pc.index_in(values.cast(names.type), names)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)
