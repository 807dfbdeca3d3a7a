"""Which split a row belongs to: the same for the same row, whatever other rows there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from schema.errors import DataError
from schema.names import SPLITS
from schema.problems import nearest
from schema.task import ColumnSplit, HashSplit

Encode = Callable[[pa.RecordBatch], Sequence[bytes]]


def assign(
    rows: pa.RecordBatch, serialized: Sequence[bytes], split: HashSplit | ColumnSplit, encode: Encode
) -> np.ndarray:
    """Returns the split of every row as an index into SPLITS, int64 `(rows,)`.

    Args:
        rows: Columns of features, as `columns.to_features` makes them.
        serialized: The same rows as serialized tf.Examples.
        split: The rule.
        encode: Serializes columns; used for the key columns of a hash split.

    Raises:
        DataError: A column that the rule needs is absent, or holds a value that is no split.
    """
    if isinstance(split, ColumnSplit):
        return _by_column(_column(rows, split.column), split.column)
    if split.key:
        keys = sorted(split.key)
        serialized = encode(pa.RecordBatch.from_arrays([_column(rows, name) for name in keys], names=keys))
    return by_hash(serialized, split)


def by_hash(serialized: Sequence[bytes], split: HashSplit) -> np.ndarray:
    """Returns the split of every serialized row, int64 `(rows,)`: a keyed SipHash of its bytes, modulo the ratios."""
    ratios = [getattr(split.ratios, name) for name in SPLITS]
    hashed = pd.util.hash_array(np.array(serialized, dtype=object), categorize=False)
    buckets = hashed % np.uint64(sum(ratios))
    return np.asarray(np.searchsorted(np.cumsum(ratios), buckets, side="right"))


def _by_column(column: pa.ListArray, name: str) -> np.ndarray:
    values = column.to_pandas().map(lambda value: value[0].decode() if value is not None else "no value")
    indices = values.map({split: index for index, split in enumerate(SPLITS)})
    if indices.isna().any():
        value = values[indices.isna()].iloc[0]
        near = nearest(value, SPLITS)
        hint = f"; did you mean '{near}'?" if near else ""
        raise DataError(f"data.split: column '{name}' holds '{value}'; allowed: {', '.join(SPLITS)}{hint}")
    return indices.to_numpy(dtype=np.int64)


def _column(rows: pa.RecordBatch, name: str) -> pa.Array:
    index = rows.schema.get_field_index(name)
    if index < 0:
        raise DataError(f"data.split: column '{name}' is not in the data; there are: {', '.join(rows.schema.names)}")
    return rows.column(index)
