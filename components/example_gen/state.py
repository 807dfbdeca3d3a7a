"""What the data are at this moment: looked at before a run, or by ExampleGen itself if nobody could look before."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from components.example_gen import source
from components.example_gen.places import Place

# Of examples: what the data were when they were read.
DATA_PROPERTY = "data_fingerprint"


def fingerprint(folders: Iterable[Place], file_format: str, path_columns: Collection[str]) -> str:
    """Returns a digest of the files of folders: tables, and the images that they name.

    Args:
        folders: Files or folders of rows.
        file_format: Of the tables.
        path_columns: Columns that name image files.

    Raises:
        DataError: There is no data, or it cannot be read.
    """
    files: list[Place] = []
    for folder in folders:
        tables = source.find_files(folder, file_format)
        files += tables
        if path_columns:
            from components.example_gen import images  # Loads TensorFlow.

            files += images.referenced(tables, file_format, path_columns)
    return source.fingerprint(files)
