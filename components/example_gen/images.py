"""Image columns: files that paths name are read, and every image is known to be decodable before training begins."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from components import images
from components.example_gen import columns, source
from schema.errors import DataError

_BYTES_LISTS = pa.list_(pa.binary())


def read(rows: pa.RecordBatch, sources: Mapping[str, str], file: str, first_row: int) -> pa.RecordBatch:
    """Returns the rows with encoded images in the image columns.

    A column that does not hold texts or bytes stays as it is: ExampleValidator names it.

    Args:
        rows: Columns of features, as `columns.to_features` makes them.
        sources: `bytes` or `path` by image column.
        file: The table, from whose folder on paths count.
        first_row: Number of the first row in the table, from 1.

    Raises:
        DataError: There is no such file, or an image cannot be decoded.
    """
    read_columns = []
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if name in sources and column.type == _BYTES_LISTS:
            encoded = [
                None if value is None else [_encoded(value[0], sources[name], file, row, name)]
                for row, value in enumerate(column.to_pylist(), first_row)
            ]
            column = pa.array(encoded, _BYTES_LISTS)
        read_columns.append(column)
    return pa.RecordBatch.from_arrays(read_columns, names=rows.schema.names)


def _encoded(value: bytes, kind: str, file: str, row: int, name: str) -> bytes:
    what, encoded = "the image", value
    where = f"{file}: row {row}, column '{name}'"
    if kind == "path":
        path = _resolve(value, file)
        # A path may be any bytes; what is said of it ends up in tables and on terminals.
        what = os.fsencode(path).decode(errors="backslashreplace")
        try:
            encoded = path.read_bytes()
        except FileNotFoundError:
            raise DataError(f"{where}: no file {what}; paths are absolute or count from the table's folder") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{where}: {what} cannot be read ({error})") from None
    if why := images.check(encoded):
        raise DataError(f"{where}: {what} {why}; give a whole PNG, JPEG, GIF or BMP, or leave the value out")
    return encoded


def _resolve(value: bytes, file: str) -> Path:
    return Path(file).parent / os.fsdecode(value)


def referenced(files: Sequence[Path], file_format: str, names: Collection[str]) -> list[Path]:
    """Returns the image files that tables name and that are there, sorted: the data's fingerprint is of them, too.

    Args:
        files: Tables.
        file_format: Of the tables.
        names: Columns of paths.

    Raises:
        DataError: A table cannot be read.
    """
    if not names:
        return []
    types = dict.fromkeys(names, "BYTES")
    found: set[Path] = set()
    for shard in source.find_shards(files, file_format):
        for batch in source.read_shard(shard, types):
            for column in columns.to_features(batch, types, shard.file).columns:
                if column.type == _BYTES_LISTS:
                    found.update(_resolve(value, shard.file) for value in column.flatten().unique().to_pylist())
    # Not Path.is_file, which raises on a name that is too long; `read` says so with the row.
    return sorted(path for path in found if os.path.isfile(path))  # noqa: PTH113
