"""Files and folders that appear under their names only when they are whole, wherever Beam can write."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable

from tfx.dsl.io import fileio


def draft_of(path: str) -> str:
    """Returns where to write what is renamed when it is whole: hidden beside it, and unlike that of any other try."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}-{uuid.uuid4().hex}")


def remove_drafts(folders: Iterable[str]) -> None:
    """Removes what writers that were killed have left: who reads a folder takes hidden files for rows, too.

    Args:
        folders: Nobody writes to them.
    """
    for folder in folders:
        for name in fileio.listdir(folder):
            if name.startswith("."):
                path = os.path.join(folder, name)
                (fileio.rmtree if fileio.isdir(path) else fileio.remove)(path)
