"""Empty folders: an object store has none, so each artifact remembers its own."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from schema.errors import StepError

# Custom property of an artifact: a list of its empty folders, as relative paths, `.` if there is no file in it at all.
EMPTY_FOLDERS_PROPERTY = "empty_folders"
_ITSELF = "."


def empty_folders(folder: Path) -> list[str]:
    """Returns the folders below that hold nothing, and `.` if no file is there at all; nothing if it is a file."""
    walked = list(os.walk(folder))
    found = {os.path.relpath(root, folder) for root, folders, files in walked if not folders and not files}
    return sorted(found if any(files for _, _, files in walked) or not walked else {_ITSELF, *found})


def restore(folder: Path, lost: Collection[str], key: str, uri: str) -> None:
    """Makes folders again that were lost on the way.

    Args:
        folder: Of the artifact; made too, if it had no files.
        lost: As the property has them.
        key: Of the input, for the error.
        uri: Of the artifact, likewise.

    Raises:
        StepError: Nothing of the artifact arrived, and it had files when it was made.
    """
    if not folder.exists() and _ITSELF not in lost:
        raise StepError(
            f"input {key}: {uri}: nothing is there any more, and it had files when it was made; a run of every stage"
            " makes anew what was deleted: `multihead submit --fresh`, or another value of its parameter code"
        )
    if folder.is_file():
        return
    for relative in lost:
        (folder / relative).mkdir(parents=True, exist_ok=True)
