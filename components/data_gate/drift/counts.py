"""What a span holds of a column, small enough to keep for every day and exact enough to compare.

Counts of several files, or spans, are those of all their rows together: a window needs no second look at its rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schema.drift import Kind

# A number stands for at most about a 256th of the rows: more than exact enough for a tenth of them, as bins are.
_MAX_NUMBERS = 256
# As many as TensorFlow Data Validation keeps; the rest is counted and not named.
_MAX_CATEGORIES = 1000
_LARGEST = float(np.finfo(np.float32).max)  # Infinity cannot be written as JSON.


@dataclasses.dataclass(frozen=True)
class Counts:
    """The values of a column.

    Attributes:
        rows: Number of rows.
        present: Number of rows with a value.
        total: Number of values: more than `present` where rows hold lists of tags.
        values: The values, `(values,)`: float64 in ascending order, or texts, the most frequent first.
        counts: How often each is there, int64 `(values,)`; in sum `total`, unless there are too many texts.
    """

    rows: int
    present: int
    total: int
    values: np.ndarray
    counts: np.ndarray

    @property
    def missing(self) -> float:
        """Share of the rows without a value; 0 without rows."""
        return 1 - self.present / self.rows if self.rows else 0.0

    @property
    def is_whole(self) -> bool:
        """Whether every value is named."""
        return int(self.counts.sum()) == self.total

    def to_json(self) -> dict[str, Any]:
        """Returns what `from_json` reads."""
        return {
            name: part.tolist() if isinstance(part, np.ndarray) else part
            for name, part in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Counts:
        """Reads what `to_json` returned."""
        values = found["values"]
        kind = object if any(isinstance(value, str) for value in values) else np.float64
        arrays = {"values": np.array(values, kind), "counts": np.array(found["counts"], np.int64)}
        return cls(**{**found, **arrays})


def count(column: pa.Array | None, rows: int, kind: Kind) -> Counts:
    """Counts a column of tf.Examples.

    Args:
        column: A list of int64, float32 or bytes per row, null where there is no value; None if the rows lack it.
        rows: Their number.
        kind: What is compared of it.
    """
    if column is None or pa.types.is_null(column.type):
        return empty(rows)
    present = pc.sum(pc.greater(pc.list_value_length(column), 0)).as_py() or 0
    flat = column.flatten()
    if kind == "category":
        texts = (
            flat.cast(pa.string()) if not _is_bytes(flat.type) else pa.array(map(_text, flat.to_pylist()), pa.string())
        )
        found = texts.value_counts()
        return _categories(
            rows, present, len(flat), found.field("values").to_pylist(), found.field("counts").to_numpy()
        )
    if _is_bytes(flat.type):
        flat = pc.binary_length(flat)
    numbers = np.clip(flat.to_numpy(zero_copy_only=False).astype(np.float64), -_LARGEST, _LARGEST)
    return _numbers(rows, present, numbers, np.ones(len(numbers), np.int64))


def empty(rows: int) -> Counts:
    """Returns the counts of rows without a value."""
    return Counts(rows, 0, 0, np.array([], np.float64), np.array([], np.int64))


def merge(parts: Sequence[Counts]) -> Counts:
    """Returns the counts of all rows together."""
    rows, present, total = (sum(getattr(part, name) for part in parts) for name in ("rows", "present", "total"))
    filled = [part for part in parts if len(part.values)]
    if not filled:
        return empty(rows)
    values = np.concatenate([part.values for part in filled])
    counts = np.concatenate([part.counts for part in filled])
    if values.dtype == object:
        return _categories(rows, present, total, values.tolist(), counts)
    return _numbers(rows, present, values, counts)


def median(counts: Counts) -> float:
    """Returns the median of numbers, of which there is one."""
    reached = np.searchsorted(np.cumsum(counts.counts), counts.total / 2)
    return float(counts.values[reached])


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _categories(rows: int, present: int, total: int, texts: Sequence[str], counts: np.ndarray) -> Counts:
    by_text: dict[str, int] = {}
    for text, number in zip(texts, counts.tolist(), strict=True):
        by_text[text] = by_text.get(text, 0) + number
    most = sorted(by_text.items(), key=lambda item: (-item[1], item[0]))[:_MAX_CATEGORIES]
    values = np.array([text for text, _ in most], object)
    return Counts(rows, present, total, values, np.array([number for _, number in most], np.int64))


def _numbers(rows: int, present: int, numbers: np.ndarray, counts: np.ndarray) -> Counts:
    """Counts numbers, of many different ones in groups of about equal weight, under the most frequent of each.

    So a number that is everywhere, as 0 often is, stays what it is.
    """
    values, which = np.unique(numbers, return_inverse=True)
    weights = np.bincount(which, counts, len(values)).astype(np.int64)
    total = int(weights.sum())
    if len(values) > _MAX_NUMBERS:
        middle = np.cumsum(weights) - weights / 2
        group = np.floor(middle * _MAX_NUMBERS / total).astype(np.int64)
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        heaviest = np.lexsort((-weights, group))[starts]
        values, weights = values[heaviest], np.add.reduceat(weights, starts)
    return Counts(rows, present, total, values, weights)
