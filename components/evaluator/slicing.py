"""Which slices the rows of a batch are in, without looking at them one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from tensorflow_model_analysis.api import types

# As TFMA has it: columns in alphabetical order and the value of each, text, int or float; the whole has none.
TfmaSliceKey = tuple[tuple[str, Any], ...]
WHOLE: TfmaSliceKey = ()


@dataclasses.dataclass(frozen=True)
class Sliced:
    """Rows by slice.

    Attributes:
        keys: The slices that rows are in.
        rows: A row for each slice that it is in, int64 `(entries,)`.
        groups: The index of that slice, int64 `(entries,)`.
    """

    keys: tuple[TfmaSliceKey, ...]
    rows: np.ndarray
    groups: np.ndarray


def sliced(features: Mapping[str, Any], by: Sequence[str], num_rows: int) -> Sliced:
    """Slices rows as TFMA does: a row without a value is in no slice, one with several is in one of each.

    Args:
        features: What TFMA extracts of columns, by name.
        by: Columns, each combination of whose values is a slice; all rows are one if there are none.
        num_rows: How many there are.
    """
    rows, codes = np.arange(num_rows), np.zeros(num_rows, np.int64)
    keys: list[TfmaSliceKey] = [WHOLE]
    for name in sorted(by):
        values, rows_with, values_of = _values(features[name])
        per_row = np.bincount(rows_with, minlength=num_rows)
        repeats = per_row[rows]
        # Entry by entry, the places of the row's values: from its first on.
        firsts = (np.cumsum(per_row) - per_row)[rows] - (np.cumsum(repeats) - repeats)
        places = np.repeat(firsts, repeats) + np.arange(repeats.sum())
        rows = np.repeat(rows, repeats)
        pairs = np.repeat(codes, repeats) * len(values) + values_of[places]
        found, codes = np.unique(pairs, return_inverse=True)
        keys = [(*keys[pair // len(values)], (name, values[pair % len(values)])) for pair in found.tolist()]
    return Sliced(tuple(keys), rows, codes)


def _values(tensor: Any) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Returns the values of a column, and, ascending, rows and the indices of their values, once each."""
    if isinstance(tensor, types.VarLenTensorValue | types.SparseTensorValue):
        flat, rows = tensor.values, tensor.indices[:, 0]
    elif isinstance(tensor, types.RaggedTensorValue):
        ends = tensor.nested_row_splits[0]
        for inner in tensor.nested_row_splits[1:]:
            ends = inner[ends]
        flat, rows = tensor.values, np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    else:
        flat = np.ravel(tensor)
        rows = np.repeat(np.arange(len(tensor)), len(flat) // max(len(tensor), 1))
    if np.issubdtype(flat.dtype, np.floating):
        flat = flat + 0.0  # No -0.0, which equals 0.0 as the name of a slice.
    coded = pa.array(flat).dictionary_encode()
    values = [value.decode() if isinstance(value, bytes) else value for value in coded.dictionary.to_pylist()]
    pairs = np.unique(rows * len(values) + coded.indices.to_numpy())
    return values, *np.divmod(pairs, max(len(values), 1))
