"""The serving folder: numbered versions, and a pointer to the one that was blessed last.

A server that polls the folder never sees half a model: a version is written beside, flushed to disk and renamed.
Version numbers only grow.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import uuid
from pathlib import Path

POINTER_FILE = "blessed.json"


@dataclasses.dataclass(frozen=True)
class Pointer:
    """The last blessed model.

    Attributes:
        version: Its number.
        source: The model artifact it was copied from.
        training: Digest of everything that made the model: data, code and task, without gates.
        baseline: The version folder it was judged against; None for the first.
    """

    version: int
    source: str
    training: str
    baseline: str | None


def read_pointer(folder: Path) -> Pointer | None:
    """Returns the pointer, or None if there is none, it cannot be read, or its version is gone: a cold start."""
    pointer = _last_written(folder)
    return pointer if pointer and version_folder(folder, pointer.version).is_dir() else None


def _last_written(folder: Path) -> Pointer | None:
    """Returns what the pointer says, even if that version is gone."""
    try:
        pointer = Pointer(**json.loads((folder / POINTER_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return pointer if type(pointer.version) is int else None


def version_folder(folder: Path, version: int) -> Path:
    """Returns where a version is served from."""
    return folder / str(version)


def push(model: Path, folder: Path, source: str, training: str, baseline: str | None) -> Path:
    """Copies a SavedModel to the next version and points to it; does nothing if the last version is this very model.

    Args:
        model: SavedModel folder.
        folder: Serving folder; made if needed.
        source: Identity of the model artifact.
        training: Kept in the pointer.
        baseline: Kept in the pointer.

    Returns:
        The version's folder.
    """
    pointer = read_pointer(folder)
    if pointer and pointer.source == source:
        return version_folder(folder, pointer.version)
    folder.mkdir(parents=True, exist_ok=True)
    taken = [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()]
    last = _last_written(folder)  # A version that was deleted is not given again: servers have seen its number.
    version = max([*taken, last.version if last else 0]) + 1
    temporary = folder / f".{version}-{uuid.uuid4().hex}"
    target = version_folder(folder, version)
    try:
        shutil.copytree(model, temporary)
        for path in [temporary, *temporary.rglob("*")]:
            _flush(path)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _write_pointer(folder, Pointer(version, source, training, baseline))
    return target


def _write_pointer(folder: Path, pointer: Pointer) -> None:
    temporary = folder / f".{POINTER_FILE}-{uuid.uuid4().hex}"
    temporary.write_text(json.dumps(dataclasses.asdict(pointer), indent=2) + "\n", encoding="utf-8")
    _flush(temporary)
    temporary.replace(folder / POINTER_FILE)
    _flush(folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
