"""Arrow columns as tf.Example features: int64, float32 or bytes, one list per row, null where there is no value."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schema.errors import DataError
from schema.names import NO_TAG

_TEXT_LIKE = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)
_MAX_EXACT_FLOAT = 2**53  # Beyond this a float64 skips integers.


def to_features(
    batch: pa.RecordBatch,
    column_types: Mapping[str, str],
    file: str,
    empty_is_missing: Collection[str] = (),
    separators: Mapping[str, str] | None = None,
) -> pa.RecordBatch:
    """Returns the declared columns of a batch, sorted by name, as tf.Example features.

    NaN counts as missing. Whole-number floats in an INT column and integers in a FLOAT column are converted, as
    pandas turns one into the other when values are missing; any other mismatch is left for ExampleValidator to name.

    Args:
        batch: Rows as read.
        column_types: INT, FLOAT or BYTES by column name.
        file: Where the rows come from, for errors.
        empty_is_missing: Columns in which an empty text is a missing value.
        separators: What stands between tags in texts, by column of tags; other columns hold one value per row.

    Returns:
        Columns of type list<int64>, list<float> or list<binary>.

    Raises:
        DataError: A column has a type that no feature can hold.
    """
    columns = {name: batch.column(batch.schema.get_field_index(name)) for name in batch.schema.names}
    found = sorted(column_types.keys() & columns.keys())
    features = []
    for name in found:
        where = f"{file}: column '{name}'"
        if separators and name in separators:
            features.append(_tags(columns[name], separators[name], where))
            continue
        feature = _convert(columns[name], column_types[name], where)
        is_known = feature.is_valid()
        if name in empty_is_missing and pa.types.is_binary(feature.type):
            is_known = pc.not_equal(feature, b"").fill_null(False)
        features.append(_one_per_row(feature, is_known))
    return pa.RecordBatch.from_arrays(features, names=found)


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
    if pa.types.is_fixed_size_binary(kind):
        column = column.take(pa.array(np.arange(len(column))))  # Arrow 10 crashes at the cast of a slice.
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


def _one_per_row(column: pa.Array, is_known: pa.BooleanArray) -> pa.ListArray:
    """Wraps every known value in a list of one; others become null lists, which encode as absent features."""
    known = is_known.to_numpy(zero_copy_only=False)
    return _lists(column.filter(is_known), known.astype(np.int64), known)


def _tags(column: pa.Array, separator: str, where: str) -> pa.ListArray:
    """Returns the tags of every row, NO_TAG alone where none applies, and null where nobody knows.

    Texts are split at the separator; a blank one is null. Null and empty tags are dropped.
    """
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        lists, is_known = column, column.is_valid()
        tags = _convert(column.flatten(), "BYTES", where)
        if not pa.types.is_binary(tags.type):
            raise DataError(f"{where} is of type {kind}; allowed: lists of texts, or texts with '{separator}' between")
    else:
        cells = _convert(column, "BYTES", where)
        if not pa.types.is_binary(cells.type):
            return _one_per_row(cells, cells.is_valid())  # For ExampleValidator to name.
        texts = _cast(cells, pa.string(), where)
        is_blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
        is_known = pc.or_(pc.invert(is_blank), pc.match_substring(texts, pattern=separator)).fill_null(False)
        lists = pc.split_pattern(texts, pattern=separator)
        tags = pc.utf8_trim_whitespace(lists.flatten()).cast(pa.binary())
    known = is_known.to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(column)), pc.list_value_length(lists).fill_null(0).to_numpy())
    is_kept = pc.greater(pc.binary_length(tags), 0).fill_null(False)
    counts = np.bincount(row[is_kept.to_numpy(zero_copy_only=False)], minlength=len(column))
    is_bare = known & (counts == 0)
    counts += is_bare
    # NO_TAG comes last among the values to take from, and goes to every bare row.
    values = pa.concat_arrays([tags.filter(is_kept), pa.array([NO_TAG.encode()], pa.binary())])
    taken = np.full(counts.sum(), len(values) - 1)
    taken[np.repeat(~is_bare, counts)] = np.arange(len(values) - 1)
    return _lists(values.take(pa.array(taken)), counts, known)


def _lists(values: pa.Array, lengths: np.ndarray, known: np.ndarray) -> pa.ListArray:
    """Returns values in lists of the given lengths, null where `known` is false."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets, mask=np.concatenate([~known, [False]])), values)
