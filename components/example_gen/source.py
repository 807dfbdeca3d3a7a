"""Data files: which there are, whether they can be read, and in what pieces."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.example_gen.places import Place, Remote, look, place
from schema.errors import DataError

# Rows of one piece of work: large enough to amortise a file, small enough to stay in memory and to spread over workers.
ROWS_PER_SHARD = 65_536
ROWS_PER_BATCH = 16_384
ROWS_PER_IMAGE_BATCH = 256
# Bytes of a CSV file that are asked of a store at a time: to read it, and to see whether it has rows at all.
READ_AHEAD = 8 * 2**20
_PEEK = 64 * 2**10

# A CSV file of up to so many bytes is read at once, a larger one in blocks of so many.
WHOLE_CSV_BYTES = 64 * 2**20
CSV_BLOCK_BYTES = 4 * 2**20
_CSV_NUMBERS = {"INT": pa.int64(), "FLOAT": pa.float64()}

# What stands for "no value" in a CSV cell; a quoted "NA" stays text.
CSV_NULLS = ["", "NA", "NaN", "nan", "null", "NULL"]
SUFFIX = {"parquet": ".parquet", "csv": ".csv"}
# What to do where nothing is.
MEND = "give the data's path with --data; on Kubeflow by the run's parameter data, or mount a volume there by --profile"
# What Arrow raises on files that are damaged, of another kind, or named, or with a column named, by bytes that are no
# UTF-8.
_UNREADABLE = (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeError)


@dataclasses.dataclass(frozen=True)
class Shard:
    """A piece of a file that one worker reads.

    Attributes:
        file: Path or URI of the file.
        row_groups: Parquet row groups; empty for a whole CSV file.
        first_row: Number of its first row in the file, from 1; the header of a CSV file does not count.
    """

    file: str
    row_groups: tuple[int, ...] = ()
    first_row: int = 1


def find_files(data: Place, file_format: str) -> tuple[Place, ...]:
    """Returns the data files of a file or a folder (searched through, hidden files left out), sorted.

    Raises:
        DataError: There is nothing there.
    """
    data = look(data)
    if not data.exists():
        raise DataError(f"{data}: no such file or folder; {MEND}")
    if data.is_file():
        return (data,)
    files = tuple(_files(data, file_format))
    if not files:
        suffix = SUFFIX[file_format]
        raise DataError(f"{data}: no {suffix} file in this folder, and the task says data.format: {file_format}")
    return tuple(sorted(files, key=lambda file: file.parts))


def has_files(folder: Place, file_format: str) -> bool:
    """Returns whether `find_files` would find one in a folder."""
    return any(True for _ in _files(folder, file_format))


def _files(folder: Place, file_format: str) -> Iterator[Place]:
    # Spark names folders like files, too.
    for file in folder.rglob(f"*{SUFFIX[file_format]}"):
        if file.is_file() and not any(part[:1] in (".", "_") for part in file.parts[len(folder.parts) :]):
            yield file


def fingerprint(files: Sequence[Place]) -> str:
    """Returns a digest that changes when a file is added, removed or written: names, sizes and times, not contents.

    Of a file in a store, what the store says of a change takes the place of the time.

    Args:
        files: Tables, and the images that they name.
    """
    digest = hashlib.sha256()
    for file in files:
        if isinstance(file, Remote):
            state = file.state()
        else:
            status = file.stat()
            state = f"{status.st_size}\0{status.st_mtime_ns}"
        digest.update(os.fsencode(f"{file.resolve()}\0{state}\n"))
    return digest.hexdigest()[:16]


@contextmanager
def opened(file: Place | str, block: int = 0) -> Iterator[Any]:
    """Yields what Arrow reads a file by: its path, or the open file of a store.

    Args:
        file: Path or URI.
        block: Bytes that a store is asked for at a time, from the beginning on; if 0, just those that Arrow asks for.

    Raises:
        DataError: The store cannot be reached.
    """
    found = place(file) if isinstance(file, str) else file
    if isinstance(found, Path):
        yield found
        return
    with found.open(block) as remote:
        yield remote


def find_shards(files: Sequence[Place], file_format: str) -> list[Shard]:
    """Cuts files into pieces of about ROWS_PER_SHARD rows.

    Raises:
        DataError: A file cannot be read, or there is no row in all of them.
    """
    shards = list(shards_of(files, file_format))
    if not shards:
        where = str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
        raise DataError(f"{where}: no rows")
    return shards


def has_rows(folder: Place, file_format: str) -> bool:
    """Returns whether any file of a folder has a row.

    Raises:
        DataError: A file cannot be read.
    """
    return any(True for _ in shards_of(find_files(folder, file_format), file_format))


def shards_of(files: Sequence[Place], file_format: str) -> Iterator[Shard]:
    """Yields the same pieces as `find_shards`, and none if there are no rows."""
    for file in files:
        yield from _FINDERS[file_format](file)


def _parquet_shards(file: Place) -> Iterator[Shard]:
    try:
        with opened(file) as readable:
            metadata = pq.ParquetFile(readable).metadata
    except _UNREADABLE as error:
        raise DataError(f"{file}: not a readable Parquet file ({_first_line(error)})") from None
    groups: tuple[int, ...] = ()
    first, rows = 1, 0
    for index in range(metadata.num_row_groups):
        group_rows = metadata.row_group(index).num_rows
        if groups and rows + group_rows > ROWS_PER_SHARD:
            yield Shard(str(file), groups, first)
            groups, first, rows = (), first + rows, 0
        groups, rows = (*groups, index), rows + group_rows
    if rows:
        yield Shard(str(file), groups, first)


def _csv_shards(file: Place) -> Iterator[Shard]:
    try:
        with file.open(_PEEK) if isinstance(file, Remote) else file.open("rb") as lines:
            # The header and one more; empty lines are no rows.
            has_rows = sum(1 for _ in itertools.islice(filter(bytes.strip, lines), 2)) == 2
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from None
    if has_rows:
        yield Shard(str(file))


_FINDERS = {"parquet": _parquet_shards, "csv": _csv_shards}


def read_shard(shard: Shard, column_types: Mapping[str, str], has_images: bool = False) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a shard, with those declared columns that the file has.

    Args:
        shard: What to read.
        column_types: INT, FLOAT or BYTES by column name, as schema.pbtxt declares them.
        has_images: Whether rows are large, or will be, so that fewer of them fit into memory.

    Raises:
        DataError: The file cannot be read.
    """
    rows_per_batch = ROWS_PER_IMAGE_BATCH if has_images else ROWS_PER_BATCH
    try:
        yield from (_read_parquet if shard.row_groups else _read_csv)(shard, column_types, rows_per_batch)
    except _UNREADABLE as error:
        raise DataError(f"{shard.file}: cannot be read ({_first_line(error)})") from None


def _read_parquet(shard: Shard, column_types: Mapping[str, str], rows_per_batch: int) -> Iterator[pa.RecordBatch]:
    is_remote = isinstance(place(shard.file), Remote)
    with opened(shard.file) as readable:
        # Columns that lie side by side in one request; all of a row group in memory until the next one is asked for.
        file = pq.ParquetFile(readable, pre_buffer=is_remote)
        wanted = _wanted(file.schema_arrow.names, column_types, shard.file)
        for groups in [[group] for group in shard.row_groups] if is_remote else [list(shard.row_groups)]:
            yield from file.iter_batches(batch_size=rows_per_batch, row_groups=groups, columns=wanted)


def _read_csv(shard: Shard, column_types: Mapping[str, str], rows_per_batch: int) -> Iterator[pa.RecordBatch]:
    # Text columns are never guessed (carrier 9E is not a number); numbers are, so that "abc" in a number column
    # arrives as text and ExampleValidator can name the column.
    text = {name: pa.string() for name, kind in column_types.items() if kind == "BYTES"}
    if options := _as_declared(shard.file, column_types, text):
        for block in _csv_blocks(shard.file, options):
            yield from pa.Table.from_batches([block]).to_batches(max_chunksize=rows_per_batch)
        return
    with opened(shard.file, READ_AHEAD) as readable:
        table = pa_csv.read_csv(readable, convert_options=_csv_options(text))
    wanted = _wanted(table.column_names, column_types, shard.file)
    yield from table.select(wanted).to_batches(max_chunksize=rows_per_batch)


def _as_declared(
    file: str, column_types: Mapping[str, str], text: Mapping[str, pa.DataType]
) -> pa_csv.ConvertOptions | None:
    """Returns how to read a large CSV file block by block; None for a small one, or if a number is not what it should.

    All of it is looked through before: what kind of column it is must not change from one block to the next.
    """
    with opened(file, READ_AHEAD) as readable:
        if _size(readable) <= WHOLE_CSV_BYTES:
            return None
        names = pa_csv.open_csv(readable, convert_options=_csv_options(text)).schema.names
    numbers = {name: _CSV_NUMBERS[kind] for name, kind in column_types.items() if kind in _CSV_NUMBERS}
    options = _csv_options({**text, **numbers}, _wanted(names, column_types, file))
    try:
        deque(_csv_blocks(file, options), maxlen=0)
    except pa.ArrowInvalid:
        return None
    return options


def _size(readable: Any) -> int:
    """Returns the bytes of what `opened` yields, which is read from its beginning afterwards."""
    if isinstance(readable, Path):
        return readable.stat().st_size
    size: int = readable.seek(0, os.SEEK_END)
    readable.seek(0)
    return size


def _csv_blocks(file: str, options: pa_csv.ConvertOptions) -> Iterator[pa.RecordBatch]:
    with opened(file, READ_AHEAD) as readable:
        yield from pa_csv.open_csv(readable, pa_csv.ReadOptions(block_size=CSV_BLOCK_BYTES), convert_options=options)


def _csv_options(types: Mapping[str, pa.DataType], columns: Sequence[str] = ()) -> pa_csv.ConvertOptions:
    return pa_csv.ConvertOptions(
        column_types=types,
        include_columns=columns,
        null_values=CSV_NULLS,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )


def _wanted(names: Sequence[str], column_types: Mapping[str, str], file: str) -> list[str]:
    """Returns the declared columns among those of a file; which of two with one name is meant, nobody knows."""
    wanted = [name for name in names if name in column_types]
    if repeated := sorted({name for name in wanted if wanted.count(name) > 1}):
        raise DataError(f"{file}: column '{repeated[0]}' stands twice")
    return wanted


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
