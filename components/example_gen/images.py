"""Image columns: files that paths name are read, and every image is known to be decodable before training begins."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from components import images
from components.example_gen import columns, source
from components.example_gen.places import Place, Remote, fetch, place
from components.object_store import is_uri
from schema.errors import DataError

_BYTES_LISTS = pa.list_(pa.binary())


def read(rows: pa.RecordBatch, sources: Mapping[str, str], file: str, first_row: int) -> pa.RecordBatch:
    """Returns the rows with encoded images in the image columns.

    A column that does not hold texts or bytes stays as it is: ExampleValidator names it.

    Args:
        rows: Columns of features, as `columns.to_features` makes them.
        sources: `bytes` or `path` by image column.
        file: The table, from whose folder on paths count; its path or URI.
        first_row: Number of the first row in the table, from 1.

    Raises:
        DataError: There is no such file, or an image cannot be decoded.
    """
    table, read_columns = place(file), []
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if name in sources and column.type == _BYTES_LISTS:
            values = column.to_pylist()
            named = {value[0] for value in values if value is not None} if sources[name] == "path" else set()
            ahead = fetch([_resolve(value, table) for value in named]) if isinstance(table, Remote) else {}
            encoded = [
                None if value is None else [_encoded(value[0], sources[name], table, row, name, ahead)]
                for row, value in enumerate(values, first_row)
            ]
            column = pa.array(encoded, _BYTES_LISTS)
        read_columns.append(column)
    return pa.RecordBatch.from_arrays(read_columns, names=rows.schema.names)


def _encoded(value: bytes, kind: str, table: Place, row: int, name: str, ahead: Mapping[Place, bytes]) -> bytes:
    what, encoded = "the image", value
    where = f"{table}: row {row}, column '{name}'"
    if kind == "path":
        path = _resolve(value, table)
        # A path may be any bytes; what is said of it ends up in tables and on terminals.
        what = os.fsencode(str(path)).decode(errors="backslashreplace")
        try:
            encoded = ahead[path] if path in ahead else path.read_bytes()
        except FileNotFoundError:
            raise DataError(f"{where}: no file {what}; paths are absolute or count from the table's folder") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{where}: {what} cannot be read ({error})") from None
    if why := images.check(encoded):
        raise DataError(f"{where}: {what} {why}; give a whole PNG, JPEG, GIF or BMP, or leave the value out")
    return encoded


def _resolve(value: bytes, table: Place) -> Place:
    """Returns where an image is: a table in a store may also name URIs, and absolute paths of this machine."""
    path = os.fsdecode(value)
    if isinstance(table, Path):
        return table.parent / path
    if is_uri(path):
        return place(path)
    return Path(path) if path.startswith("/") else table.parent / path


def _is_there(path: Place) -> bool:
    if isinstance(path, Remote):
        return path.parent.is_dir() and path.is_file()  # One listing for all images of the folder.
    return os.path.isfile(path)  # noqa: PTH113 Path.is_file raises on a name too long; `read` says so with the row.


def referenced(files: Sequence[Place], file_format: str, names: Collection[str]) -> list[Place]:
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
    tables = {str(file): file for file in files}
    found: set[Place] = set()
    for shard in source.find_shards(files, file_format):
        for batch in source.read_shard(shard, types):
            for column in columns.to_features(batch, types, shard.file).columns:
                if column.type == _BYTES_LISTS:
                    found.update(_resolve(value, tables[shard.file]) for value in column.flatten().unique().to_pylist())
    return sorted((path for path in found if _is_there(path)), key=lambda path: path.parts)
