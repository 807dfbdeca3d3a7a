"""Files of Beam's workers, which appear under their names only when they are whole."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable

from tfx.dsl.io import fileio


def draft_of(file: str) -> str:
    """Returns where to write what is renamed when it is whole: hidden beside it, and unlike that of any other try."""
    folder, name = os.path.split(file)
    return os.path.join(folder, f".{name}-{uuid.uuid4().hex}")


def remove_drafts(folders: Iterable[str]) -> None:
    """Removes what workers that were killed have left: who reads a folder takes hidden files for rows, too.

    Args:
        folders: All work on them is done.
    """
    for folder in folders:
        for name in fileio.listdir(folder):
            if name.startswith("."):
                fileio.remove(os.path.join(folder, name))
