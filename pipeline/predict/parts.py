"""Parquet files that are written batch by batch."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

# Of one row group, uncompressed: so much is held in memory before it is written, and readers like large ones.
BYTES_PER_GROUP = 32 * 2**20


class PartWriter(AbstractContextManager["PartWriter"]):
    """Writes a file that appears under its name when it is whole; without a row, or after an error, there is none.

    Args:
        file: Where to write.
        schema: Of the file.
    """

    def __init__(self, file: Path, schema: pa.Schema):
        self._file = file
        self._temporary = file.with_name(f".{file.name}")
        self._schema = schema
        self._writer: pq.ParquetWriter | None = None
        self._pending: list[pa.RecordBatch] = []
        self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds a batch."""
        self._pending.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= BYTES_PER_GROUP:
            self._flush()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Completes the file."""
        if kind is None and self._pending:
            self._flush()
        if self._writer is None:
            return
        self._writer.close()
        if kind is None:
            self._temporary.replace(self._file)
        else:
            self._temporary.unlink()

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._temporary, self._schema)
        table = pa.Table.from_batches(self._pending, self._schema)
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self._pending, self._bytes = [], 0


def join(parts: Iterable[Path], file: Path, schema: pa.Schema) -> None:
    """Writes the rows of several files, in order, into one; one row group of each is in memory at a time."""
    with PartWriter(file, schema) as writer:
        for part in parts:
            source = pq.ParquetFile(part)
            for group in range(source.num_row_groups):
                for batch in source.read_row_group(group).to_batches():
                    writer.write(batch)


def num_rows(parts: Iterable[Path]) -> int:
    """Returns the rows of several files."""
    return sum(pq.ParquetFile(part).metadata.num_rows for part in parts)
