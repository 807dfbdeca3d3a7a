"""Which split a row belongs to: the same for the same row, whatever other rows there are."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import pyarrow as pa

from schema.data import ColumnSplit, SpanSplit, Split
from schema.errors import DataError
from schema.names import SPLITS, TRAIN
from schema.problems import nearest

# FNV-1a's 64-bit constants: how the hashes of a row's columns become one.
_FNV_OFFSET = np.uint64(14695981039346656037)
_FNV_PRIME = np.uint64(1099511628211)


def assign(rows: pa.RecordBatch, split: Split, labels: Collection[str] = ()) -> np.ndarray:
    """Returns the split of every row as an index into SPLITS, int64 `(rows,)`.

    With `by: span` it is `eval` or `test` for every row, as if its span were among the newest (see `of_span`).

    Without a key the hash is over all columns but the labels: a new head, or a label that comes late or is corrected,
    moves no row. A new column does; a key keeps rows where they are even then.

    Args:
        rows: Columns of features, as `columns.to_features` makes them.
        split: The rule.
        labels: Columns that are labels.

    Raises:
        DataError: A column that the rule needs is absent, or holds a value that is no split.
    """
    if isinstance(split, ColumnSplit):
        return _by_column(_column(rows, split.column), split.column)
    ratios = [0, 1, 1] if isinstance(split, SpanSplit) else [getattr(split.ratios, name) for name in SPLITS]
    hashed = split.key or [name for name in rows.schema.names if name not in labels]
    buckets = row_hashes(rows, hashed) % np.uint64(sum(ratios))
    return np.asarray(np.searchsorted(np.cumsum(ratios), buckets, side="right"))


def of_span(split_name: str, split: Split, age: int) -> str:
    """Returns where the rows go that `assign` put into a split, once it is known how old their span is.

    Args:
        split_name: One of SPLITS.
        split: The rule.
        age: How many newer spans the window has.
    """
    return TRAIN if isinstance(split, SpanSplit) and age >= split.newest else split_name


def row_hashes(rows: pa.RecordBatch, names: tuple[str, ...] | list[str]) -> np.ndarray:
    """Returns a hash of the named columns of every row, uint64 `(rows,)`.

    Not of the serialized tf.Example: protobuf writes the features of an example in any order.

    Args:
        rows: Columns of features.
        names: What to hash; their order does not matter.
    """
    hashes = np.full(rows.num_rows, _FNV_OFFSET)
    for name in sorted(names):
        hashes = (hashes ^ _value_hashes(_column(rows, name))) * _FNV_PRIME
    return pd.util.hash_array(hashes)


def _value_hashes(column: pa.ListArray) -> np.ndarray:
    present = column.is_valid().to_numpy(zero_copy_only=False)
    hashes = np.zeros(len(column), np.uint64)
    values = column.flatten().to_numpy(zero_copy_only=False)
    hashes[present] = pd.util.hash_array(values, categorize=False)
    return hashes


def _by_column(column: pa.ListArray, name: str) -> np.ndarray:
    values = column.to_pandas().map(lambda value: "no value" if value is None else _text(value[0]))
    indices = values.map({split: index for index, split in enumerate(SPLITS)})
    if indices.isna().any():
        value = values[indices.isna()].iloc[0]
        near = nearest(value, SPLITS)
        hint = f"; did you mean '{near}'?" if near else ""
        raise DataError(f"data.split: column '{name}' holds '{value}'; allowed: {', '.join(SPLITS)}{hint}")
    return indices.to_numpy(dtype=np.int64)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _column(rows: pa.RecordBatch, name: str) -> pa.Array:
    index = rows.schema.get_field_index(name)
    if index < 0:
        there = ", ".join(rows.schema.names) or "none of those in schema.pbtxt"
        raise DataError(f"data.split: column '{name}' is not in the data; there are: {there}")
    return rows.column(index)
