"""Days that the rows themselves tell, beside the day of the folder in which they lie.

Which columns date a row, nobody declares. A column of days, times or texts such as 2013-01-05 is taken at its word if,
in most spans, every row of it says the very day of its span: then a row that says a later day than its folder was put
there afterwards. Other columns of days (a contract's end, a time in another zone) agree with the folder in hardly any
span, and are left alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.example_gen import source
from components.example_gen.places import Place, place
from components.example_gen.spans import Span

_UNREADABLE = (pa.ArrowException, OSError, ValueError)
_ISO_LENGTH = len("2013-01-05")


@dataclasses.dataclass(frozen=True)
class Latest:
    """The latest row of a span.

    Attributes:
        number: Its day, days since 1970-01-01.
        column: Which column says so.
    """

    number: int
    column: str


def latest_rows(spans: Sequence[Span], file_format: str) -> tuple[list[str], dict[str, Latest]]:
    """Returns the columns that date rows, and by label of a span its latest row; nothing where none dates them.

    A file that cannot be read says nothing: the run that reads it will.

    Args:
        spans: Days.
        file_format: Of their files.
    """
    ranges: dict[str, dict[str, tuple[int, int]]] = {}
    for span in spans:
        for column, (low, high) in _ranges(span, file_format).items():
            ranges.setdefault(column, {})[span.label] = low, high
    numbers = {span.label: span.number for span in spans}
    dating = sorted(column for column, by_span in ranges.items() if _dates_rows(by_span, numbers))
    latest = {}
    for label in numbers:
        found = [Latest(ranges[column][label][1], column) for column in dating if label in ranges[column]]
        if found:
            latest[label] = max(found, key=lambda one: one.number)
    return dating, latest


def _dates_rows(by_span: Mapping[str, tuple[int, int]], numbers: Mapping[str, int]) -> bool:
    agreeing = sum(low == high == numbers[label] for label, (low, high) in by_span.items())
    return 2 * agreeing > len(by_span)


def _ranges(span: Span, file_format: str) -> dict[str, tuple[int, int]]:
    """Returns the first and last day of every column of days of a span."""
    found: dict[str, tuple[int, int]] = {}
    for file in source.find_files(place(span.folder), file_format):
        try:
            table = _read(file, file_format)
        except _UNREADABLE:
            continue
        for name in table.column_names:
            days = _days(table.column(name))
            if days is not None and days.null_count < len(days):
                least, most = (end.as_py() for end in pc.min_max(days).values())
                low, high = found.get(name, (least, most))
                found[name] = min(low, least), max(high, most)
    return found


def _read(file: Place, file_format: str) -> pa.Table:
    """Returns those columns of a file that may hold days."""
    if file_format == "csv":
        with source.opened(file, source.READ_AHEAD) as readable:
            table = pa_csv.read_csv(readable)
        return table.select([field.name for field in table.schema if _may_be_days(field.type)])
    with source.opened(file) as readable:
        return _read_days(pq.ParquetFile(readable))


def _read_days(opened: pq.ParquetFile) -> pa.Table:
    names = [field.name for field in opened.schema_arrow if _may_be_days(field.type)]
    # Whether texts are days, the first one tells: the others need not be read.
    texts = {field.name for field in opened.schema_arrow if _is_text(field.type)}
    head = next(opened.iter_batches(batch_size=1, columns=sorted(texts)), None) if texts else None
    if head is not None:
        texts -= {
            name for name in head.schema.names if _days(head.column(head.schema.get_field_index(name))) is not None
        }
    return opened.read(columns=[name for name in names if name not in texts])


def _may_be_days(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or pa.types.is_timestamp(kind) or _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _days(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray | None:
    """Returns a column as days since 1970-01-01, int32; None if its values are none."""
    try:
        if _is_text(column.type):
            column = pc.utf8_slice_codeunits(column, 0, _ISO_LENGTH).cast(pa.timestamp("s"))
        # Not a safe cast: a time of day is cut off.
        return column.cast(pa.date32(), safe=False).cast(pa.int32())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
