"""Rows to predict, batch by batch, with their numbers in the file.

Parquet comes as in ingestion. A CSV file is read there as a whole, to guess the types of its columns; here it is
streamed as bytes, and a cell that is no number spoils its row only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.example_gen import source
from components.example_gen.places import Place, place
from schema.errors import DataError

# Of a CSV file in memory at a time; the whole of a row must fit.
BYTES_PER_BLOCK = 8 * 2**20


@dataclasses.dataclass(frozen=True)
class Rows:
    """Some rows of a file.

    Attributes:
        file: Where they are from.
        columns: As read; of a CSV file, binary.
        numbers: Of each row in the file, from 1, int64 `(rows,)`; the header of a CSV file does not count.
    """

    file: str
    columns: pa.RecordBatch
    numbers: np.ndarray

    def slice(self, start: int, stop: int) -> Rows:
        """Returns the rows from `start` to before `stop`."""
        return Rows(self.file, self.columns.slice(start, stop - start), self.numbers[start:stop])


@dataclasses.dataclass(frozen=True)
class Malformed:
    """A line of a CSV file that is no row.

    Attributes:
        file: Where it is from.
        number: As in `Rows`.
        reason: What is wrong with it.
    """

    file: str
    number: int
    reason: str


def columns_of(file: Place, file_format: str) -> pa.Schema:
    """Returns the columns of a file; those of a CSV file are strings.

    Raises:
        DataError: It cannot be read, or two columns have one name.
    """
    try:
        if file_format == "parquet":
            with source.opened(file) as readable:
                schema = pq.ParquetFile(readable).schema_arrow
        else:
            with source.opened(file, BYTES_PER_BLOCK) as readable:
                names = pa_csv.open_csv(
                    readable,
                    read_options=pa_csv.ReadOptions(block_size=BYTES_PER_BLOCK),
                    parse_options=_parse_options([], str(file)),
                ).schema.names
            schema = pa.schema([(name, pa.string()) for name in names])
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read ({_first_line(error)})") from None
    if repeated := sorted({name for name in schema.names if schema.names.count(name) > 1}):
        raise DataError(f"{file}: column '{repeated[0]}' stands twice")
    return schema


def read(shard: source.Shard, names: Collection[str], has_images: bool) -> Iterator[Rows | Malformed]:
    """Yields the rows of a shard, with those of the columns that the file has.

    Args:
        shard: What to read.
        names: Columns.
        has_images: Whether rows are large.

    Raises:
        DataError: The file cannot be read.
    """
    if not shard.row_groups:
        yield from _read_csv(shard.file, names)
        return
    first = shard.first_row
    for batch in source.read_shard(shard, dict.fromkeys(names, ""), has_images):
        yield Rows(shard.file, batch, np.arange(first, first + batch.num_rows))
        first += batch.num_rows


def _read_csv(file: str, names: Collection[str]) -> Iterator[Rows | Malformed]:
    wanted = [name for name in columns_of(place(file), "csv").names if name in names]
    malformed: list[Malformed] = []
    next_number = 1
    try:
        with source.opened(file, BYTES_PER_BLOCK) as readable:
            reader = pa_csv.open_csv(
                readable,
                # Only a single thread tells the number of a malformed line.
                read_options=pa_csv.ReadOptions(use_threads=False, block_size=BYTES_PER_BLOCK),
                parse_options=_parse_options(malformed, file),
                convert_options=pa_csv.ConvertOptions(
                    # Not strings: bytes that are not UTF-8 would fail the whole file.
                    column_types=dict.fromkeys(wanted, pa.binary()),
                    include_columns=wanted,
                    null_values=source.CSV_NULLS,
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
            for batch in reader:
                if batch.num_rows:
                    # The parser may be lines ahead of the rows that it has handed out.
                    candidates = np.arange(next_number, next_number + batch.num_rows + len(malformed))
                    numbers = np.setdiff1d(candidates, [line.number for line in malformed])[: batch.num_rows]
                    yield Rows(file, batch, numbers)
                    next_number = int(numbers[-1]) + 1
                while malformed and malformed[0].number <= next_number:
                    next_number = max(next_number, malformed[0].number + 1)
                    yield malformed.pop(0)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{file}: cannot be read ({_first_line(error)})") from None
    yield from malformed


def _parse_options(malformed: list[Malformed], file: str) -> pa_csv.ParseOptions:
    """Returns options that put lines with another number of cells than the header aside."""

    def put_aside(line: pa_csv.InvalidRow) -> str:
        if line.number is not None:
            reason = f"the line has {line.actual_columns} cells, the header {line.expected_columns}"
            malformed.append(Malformed(file, line.number - 1, reason))  # The header is number 1.
        return "skip"

    return pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=put_aside)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
