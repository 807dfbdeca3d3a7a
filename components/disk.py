"""Files that are there whole or not at all, also after the power failed."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Seconds after which nobody writes any more to what lies beside a file: a push or a report takes none.
_OLD = 3600


def flush(path: Path) -> None:
    """Waits until a file, or the list of what a folder holds, has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def beside(file: Path) -> Iterator[Path]:
    """Gives a hidden name beside a file; what is written there takes the file's place in the end.

    A reader sees the old file or the new one. After an error the old one stays, and nothing is left beside it.
    """
    temporary = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    try:
        yield temporary
        flush(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    flush(file.parent)


def sweep(file: Path) -> None:
    """Removes what killed writers of a file left beside it, long ago: what is new may be a live writer's."""
    name = re.compile(rf"\.{re.escape(file.name)}-[0-9a-f]{{32}}")
    for entry in file.parent.iterdir():
        if name.fullmatch(entry.name) and _is_old(entry):
            entry.unlink(missing_ok=True)


def _is_old(entry: Path) -> bool:
    try:
        return time.time() - entry.stat().st_mtime > _OLD
    except FileNotFoundError:  # Its writer has just put it in place.
        return False


def write_whole(file: Path, text: str) -> None:
    """Writes a text in UTF-8 as `beside` does."""
    with beside(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
