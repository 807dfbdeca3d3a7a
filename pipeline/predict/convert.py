"""Rows as the model is asked: tf.Examples, made as ingestion makes them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from tfx_bsl.coders import example_coder

from components.example_gen import columns, images
from pipeline.predict.plan import ARROW_TYPES, Plan
from pipeline.predict.rows import Rows
from schema.errors import DataError

# What a cell of a CSV file may hold in a column of numbers, from what is tried first.
_NUMBERS = (pa.int64(), pa.float64(), pa.bool_())


def to_examples(rows: Rows, plan: Plan) -> list[bytes]:
    """Returns rows as serialized tf.Examples of the model's features, images read.

    Raises:
        DataError: A value cannot become what its column holds, a number is infinite (in 32 bits: no model answers that
            sensibly, and none is trained on it), or an image cannot be read or decoded.
    """
    batch = _with_numbers(rows, plan) if plan.is_text else rows.columns
    features = columns.to_features(batch, plan.types, rows.file, plan.images)
    for feature in features.schema:
        expected = ARROW_TYPES[plan.types[feature.name]]
        column = features.column(feature.name)
        if feature.type.value_type != expected:
            raise DataError(f"column '{feature.name}' holds {column.flatten()[0]}, which cannot be read as {expected}")
        if expected == pa.float32() and (row := _infinite(column)) is not None:
            value = batch.column(feature.name)[row]
            raise DataError(f"column '{feature.name}' holds {value}, which cannot be read as a finite {expected}")
    features = images.read(features, plan.images, rows.file, int(rows.numbers[0]))
    return example_coder.RecordBatchToExamplesEncoder().encode(features)


def _infinite(column: pa.ListArray) -> int | None:
    """Returns the first row that holds an infinite number."""
    rows = pc.list_parent_indices(column).filter(pc.is_inf(column.flatten()))
    return rows[0].as_py() if len(rows) else None


def _with_numbers(rows: Rows, plan: Plan) -> pa.RecordBatch:
    """Returns the rows with numbers in the columns of numbers."""
    found = {
        name: column if plan.types.get(name, "BYTES") == "BYTES" else _numbers(column, name)
        for name, column in zip(rows.columns.schema.names, rows.columns.columns, strict=True)
    }
    return pa.RecordBatch.from_arrays(list(found.values()), names=list(found))


def _numbers(column: pa.Array, name: str) -> pa.Array:
    try:
        texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowInvalid:
        raise DataError(f"column '{name}' is not UTF-8 text") from None
    for kind in _NUMBERS:
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:
            continue
    raise DataError(f"column '{name}' holds '{texts.drop_null()[0]}', which is not a number")


def to_kept(rows: Rows, plan: Plan) -> list[pa.Array]:
    """Returns the columns to keep, in the types of the output; null where the file does not have one.

    Raises:
        DataError: A value does not fit the type.
    """
    kept = []
    for field in plan.kept:
        try:
            kept.append(_kept(rows.columns, field))
        except pa.ArrowInvalid as error:
            raise DataError(f"column '{field.name}' cannot be kept as {field.type} ({error})") from None
    return kept


def to_kept_or_null(rows: Rows, plan: Plan) -> list[pa.Array]:
    """Returns the columns to keep of one row; null where its value is what is wrong with it."""
    kept = []
    for field in plan.kept:
        try:
            kept.append(_kept(rows.columns, field))
        except pa.ArrowInvalid:
            kept.append(pa.nulls(1, field.type))
    return kept


def _kept(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    index = batch.schema.get_field_index(field.name)
    if index < 0 or pa.types.is_null(batch.column(index).type):
        return pa.nulls(batch.num_rows, field.type)
    column = batch.column(index)
    # Arrow refuses to cast nested types, even to themselves.
    return column if column.type == field.type else column.cast(field.type)
