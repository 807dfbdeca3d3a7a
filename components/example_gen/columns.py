"""Arrow columns as tf.Example features: int64, float32 or bytes, one list per row, null where there is no value."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schema.errors import DataError

_TEXT_LIKE = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)
_MAX_EXACT_FLOAT = 2**53  # Beyond this a float64 skips integers.


def to_features(
    batch: pa.RecordBatch, column_types: Mapping[str, str], file: str, labels: Collection[str] = ()
) -> pa.RecordBatch:
    """Returns the declared columns of a batch, sorted by name, as tf.Example features.

    NaN counts as missing. Whole-number floats in an INT column and integers in a FLOAT column are converted, as
    pandas turns one into the other when values are missing; any other mismatch is left for ExampleValidator to name.

    Args:
        batch: Rows as read.
        column_types: INT, FLOAT or BYTES by column name.
        file: Where the rows come from, for errors.
        labels: Columns in which an empty text is a missing value.

    Returns:
        Columns of type list<int64>, list<float> or list<binary>.

    Raises:
        DataError: A column has a type that no feature can hold.
    """
    columns = {name: batch.column(batch.schema.get_field_index(name)) for name in batch.schema.names}
    found = sorted(column_types.keys() & columns.keys())
    features = {name: _convert(columns[name], column_types[name], f"{file}: column '{name}'") for name in found}
    for name in found:
        if name in labels and pa.types.is_binary(features[name].type):
            is_empty = pc.equal(features[name], b"")
            features[name] = pc.if_else(is_empty, pa.scalar(None, pa.binary()), features[name])
    return pa.RecordBatch.from_arrays([_one_per_row(feature) for feature in features.values()], names=found)


def _convert(column: pa.Array, declared: str, where: str) -> pa.Array:
    """Returns the column as int64, float32 or binary."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _convert(column.dictionary_decode(), declared, where)
    if pa.types.is_null(kind):
        return pa.nulls(len(column), {"INT": pa.int64(), "FLOAT": pa.float32()}.get(declared, pa.binary()))
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        integers = _cast(column, pa.int64(), where)
        return _cast(integers, pa.float32(), where, safe=False) if declared == "FLOAT" else integers
    if pa.types.is_decimal(kind):
        return _convert(_cast(column, pa.float64(), where, safe=False), declared, where)
    if pa.types.is_floating(kind):
        column = _cast(column, pa.float64(), where)
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
        if declared == "INT" and _all_whole(column):
            return column.cast(pa.int64())
        return column.cast(pa.float32(), safe=False)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return _cast(_cast(column, pa.string(), where), pa.binary(), where)
    if pa.types.is_binary(kind):
        return column
    if any(is_kind(kind) for is_kind in _TEXT_LIKE):
        return _cast(column, pa.binary(), where)
    raise DataError(
        f"{where} is of type {kind}, which is not supported; allowed: integers, floats, decimals, booleans, strings, "
        "binary, dates, times"
    )


def _cast(column: pa.Array, kind: pa.DataType, where: str, safe: bool = True) -> pa.Array:
    try:
        return column.cast(kind, safe=safe)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{where} of type {column.type} cannot be read as {kind} ({error})") from None


def _all_whole(column: pa.Array) -> bool:
    values = column.drop_null().to_numpy()
    return bool(np.all((np.abs(values) <= _MAX_EXACT_FLOAT) & (values == np.floor(values))))


def _one_per_row(column: pa.Array) -> pa.ListArray:
    """Wraps every value in a list of one; a null stays a null list, which encodes as an absent feature."""
    valid = column.is_valid()
    ends = np.cumsum(valid.to_numpy(zero_copy_only=False), dtype=np.int32)
    starts = np.concatenate([[0], ends]).astype(np.int32)
    absent = np.concatenate([~valid.to_numpy(zero_copy_only=False), [False]])
    return pa.ListArray.from_arrays(pa.array(starts, mask=absent), column.drop_null())
