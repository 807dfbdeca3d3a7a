"""Files that are there whole or not at all, also after the power failed."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def flush(path: Path) -> None:
    """Waits until a file, or the list of what a folder holds, has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(file: Path, text: str) -> None:
    """Writes a file beside, flushes it and puts it in place: a reader sees the old text or the new one."""
    temporary = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    try:
        temporary.write_text(text, encoding="utf-8")
        flush(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    flush(file.parent)
