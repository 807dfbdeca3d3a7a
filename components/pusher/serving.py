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

from schema.errors import DataError

POINTER_FILE = "blessed.json"
_MEND = "put it right, or delete the file to start without a baseline"


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
    """Returns the pointer, or None if no model was ever pushed to the folder: a cold start.

    Raises:
        DataError: There is a pointer, but it cannot be read or its version is gone. Going on without a baseline would
            silently pass every `max_drop`.
    """
    file = folder / POINTER_FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read ({error}); {_MEND}") from None
    try:
        pointer = Pointer(**json.loads(text))
    except (ValueError, TypeError):
        raise DataError(f"{file}: is not what a push writes; {_MEND}") from None
    if type(pointer.version) is not int or not version_folder(folder, pointer.version).is_dir():
        raise DataError(f"{file}: names version {pointer.version}, which is not there; {_MEND}")
    return pointer


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

    Raises:
        DataError: The folder's pointer is damaged.
    """
    pointer = read_pointer(folder)
    if pointer and pointer.source == source:
        return version_folder(folder, pointer.version)
    folder.mkdir(parents=True, exist_ok=True)
    taken = [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()]
    version = max(taken, default=0) + 1
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
