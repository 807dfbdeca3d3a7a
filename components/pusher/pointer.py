"""The pointer to the model that was blessed last: what the next one is compared with."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from components.pusher import disk
from components.pusher.folder import version_folder
from schema.errors import DataError

POINTER_FILE = "blessed.json"
_MEND = 'put it right, or replace it by `multihead run TASK --no-baseline "REASON"`, which does without a baseline'


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
    pointer = _parse(text)
    if pointer is None:
        raise DataError(f"{file}: is not what a push writes; {_MEND}")
    if type(pointer.version) is not int or not version_folder(folder, pointer.version).is_dir():
        raise DataError(f"{file}: names version {pointer.version}, which is not there; {_MEND}")
    return pointer


def _parse(text: str) -> Pointer | None:
    """Returns a pointer if the text is one; its version may be anything."""
    try:
        pointer = Pointer(**json.loads(text))
    except (ValueError, TypeError):
        return None
    is_whole = isinstance(pointer.source, str) and isinstance(pointer.training, str)
    return pointer if is_whole and isinstance(pointer.baseline, str | None) else None


def read_number(folder: Path) -> int:
    """Returns the version that the pointer names, there or not; 0 if none can be made out."""
    try:
        version = json.loads((folder / POINTER_FILE).read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, TypeError, KeyError):
        return 0
    return version if type(version) is int else 0


def write_pointer(folder: Path, pointer: Pointer) -> None:
    """Replaces the pointer; whole or not at all."""
    disk.write_whole(folder / POINTER_FILE, json.dumps(dataclasses.asdict(pointer), indent=2) + "\n")
