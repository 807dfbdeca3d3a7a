"""Files that are there whole or not at all, also after the power failed."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What a writer that was killed leaves: `.NAME-` and the digits of a UUID.
_BESIDE = re.compile(r"\.(.+)-[0-9a-f]{32}")


def beside(path: Path) -> Path:
    """Returns a new hidden path in the same folder, to write to before it is renamed; `sweep` knows it."""
    return path.with_name(f".{path.name}-{uuid.uuid4().hex}")


def sweep(folder: Path, name: str | None = None) -> None:
    """Removes what killed writers have left in a folder; for whoever is its only writer.

    Args:
        folder: Of files or folders that are written by way of `beside`; need not be there.
        name: Of the only one that is swept for.
    """
    for entry in list(folder.iterdir()) if folder.is_dir() else ():
        found = _BESIDE.fullmatch(entry.name)
        if not found or name not in (None, found[1]):
            continue
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def in_the_way(folder: Path) -> Path | None:
    """Returns what keeps this process from writing to a folder: itself, or the nearest above it that is there.

    None if nothing does, as far as can be known without writing.
    """
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    return None if there.is_dir() and os.access(there, os.R_OK | os.W_OK | os.X_OK) else there


def flush(path: Path) -> None:
    """Waits until a file, or the list of what a folder holds, has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Gives a hidden path beside a file; what is written there is flushed and takes the file's place in the end.

    A reader sees the old file or the new one. After an error the old one stays, and nothing is left beside it.
    """
    temporary = beside(file)
    try:
        yield temporary
        flush(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    flush(file.parent)


def write_whole(file: Path, text: str) -> None:
    """Writes a text in UTF-8, flushes it and puts it in place: a reader sees the old text or the new one."""
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
