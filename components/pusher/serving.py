"""The serving folder: numbered versions, and a pointer to the one that was blessed last.

A server that polls the folder never sees half a model: a version is written beside, flushed to disk and renamed, and
one that is not needed any more is renamed before it is deleted. Numbers only grow and are never used twice, whatever
was removed and whatever the clock says.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from components.pusher import disk
from components.pusher.folder import latest, version_folder, versions
from components.pusher.history import RECORD_FILE, RUN, History, Record, read_history, write_history
from components.pusher.pointer import Pointer, read_number, read_pointer, write_pointer
from schema.errors import DataError

__all__ = ["latest", "prune", "publish", "push", "version_folder", "versions"]

# Makes files from what is known of a push: contents by path inside the version.
ExtraFiles = Callable[[Record], Mapping[str, bytes]]


def push(
    model: Path,
    folder: Path,
    source: str,
    training: str,
    baseline: str | None,
    run_id: str = "",
    extra: ExtraFiles | None = None,
    replace_pointer: bool = False,
) -> Path:
    """Copies a SavedModel to the next version and points to it; does nothing if the last version is this very model.

    Whoever pushes or rolls back holds the run's folder (`pipeline.session.hold`): there is one writer at a time.

    Args:
        model: SavedModel folder.
        folder: Serving folder; made if needed.
        source: Identity of the model artifact.
        training: Kept in the pointer.
        baseline: Kept in the pointer.
        run_id: Kept in the history.
        extra: Files to add before the version is there for all to see.
        replace_pointer: Go on, as at a cold start, if the pointer is damaged.

    Returns:
        The version's folder.

    Raises:
        DataError: The folder's pointer is damaged, or its history cannot be opened.
    """
    disk.sweep(folder)
    try:
        pointer = read_pointer(folder)
    except DataError:
        if not replace_pointer:
            raise
        pointer = None
    if pointer and pointer.source == source:
        return version_folder(folder, pointer.version)
    newest = next(reversed(read_history(folder).records), None) if folder.is_dir() else None
    if newest and newest.source == source and versions(folder)[-1:] == [newest.version]:
        # It is there already, but the pointer is lost, or was never written: a second copy would stand in the way of
        # the next roll-back.
        write_pointer(folder, Pointer(newest.version, newest.source, newest.training, newest.baseline))
        return version_folder(folder, newest.version)
    draft = Record(0, 0, RUN, "", run_id, source, training, baseline, reason="")
    return version_folder(folder, publish(model, folder, draft, extra).version)


def publish(model: Path, folder: Path, draft: Record, extra: ExtraFiles | None = None) -> Record:
    """Writes the next version, whole or not at all, and the pointer and history that name it.

    Args:
        model: Folder to copy.
        folder: Serving folder; made if needed.
        draft: What is known of the push; number and time are filled in, and `of` if it is 0.
        extra: Files to add.

    Returns:
        The push.

    Raises:
        DataError: The folder's history cannot be opened.
    """
    folder.mkdir(parents=True, exist_ok=True)
    disk.sweep(folder)
    history = read_history(folder)
    version = history.highest + 1
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    record = dataclasses.replace(draft, version=version, of=draft.of or version, pushed=now)
    temporary = disk.beside(version_folder(folder, version))
    try:
        shutil.copytree(model, temporary)
        for name, contents in (extra(record) if extra else {}).items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(contents)
        (temporary / RECORD_FILE).write_text(json.dumps(dataclasses.asdict(record), indent=1) + "\n", encoding="utf-8")
        for path in [*temporary.rglob("*"), temporary]:
            disk.flush(path)
        # From here on the number is taken, even if a crash or a person removes the version before anybody saw it.
        write_history(folder, dataclasses.replace(history, highest=version))
        temporary.rename(version_folder(folder, version))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    disk.flush(folder)
    write_pointer(folder, Pointer(version, record.source, record.training, record.baseline))
    write_history(folder, History(version, (*history.records, record)))
    return record


def prune(folder: Path, keep: int) -> None:
    """Removes all versions but the newest and the pointer's: those two differ if somebody put a version there by hand.

    Args:
        folder: Serving folder.
        keep: How many stay, one at least.
    """
    pointed_to = read_number(folder)
    for version in (number for number in versions(folder)[:-keep] if number != pointed_to):
        hidden = version_folder(folder, version).rename(disk.beside(version_folder(folder, version)))
        shutil.rmtree(hidden, ignore_errors=True)
