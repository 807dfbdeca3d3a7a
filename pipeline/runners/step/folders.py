"""Empty folders: an object store has none, so each artifact remembers its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

# Custom property of an artifact: a list of its empty folders, as relative paths, `.` for itself.
EMPTY_FOLDERS_PROPERTY = "empty_folders"


def empty_folders(folder: Path) -> list[str]:
    """Returns the folders below, and itself, that hold nothing; none if it is a file."""
    found = [Path(root) for root, folders, files in os.walk(folder) if not folders and not files]
    return sorted(str(path.relative_to(folder)) for path in found)


def restore(folder: Path, lost: Iterable[str]) -> None:
    """Makes folders again that were lost on the way.

    Args:
        folder: Of the artifact; made too, if nothing of it arrived.
        lost: As the property has them.
    """
    if folder.is_file():
        return
    for relative in (".", *lost):
        (folder / relative).mkdir(parents=True, exist_ok=True)
