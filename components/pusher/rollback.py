"""Roll-back: an earlier blessed model is served again, under a new number.

Servers serve the highest number, and numbers are never used twice, so going back is a push, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.pusher.folder import latest, version_folder, versions
from components.pusher.history import ROLLBACK, History, Record, read_history
from components.pusher.model_card import reissue
from components.pusher.serving import publish
from schema.errors import DataError


@dataclasses.dataclass(frozen=True)
class RolledBack:
    """What a roll-back did.

    Attributes:
        left: The push that was served.
        to: The earlier push whose model is served again.
        now: The new push.
    """

    left: Record
    to: Record
    now: Record


def roll_back(folder: Path, to: int | None = None, reason: str = "", run_id: str = "") -> RolledBack:
    """Serves an earlier model again, and points to it.

    Without a number it goes to the model that was served before, and called again, one further back: models that were
    taken back are passed over. By its number any version that is there can be served again, also one that was taken
    back. Nothing is removed: the next push does that.

    The pointer is written anew and need not be whole: a damaged one does not stand in the way of whoever is on call.

    Args:
        folder: Serving folder.
        to: Version; the one that was served before if None.
        reason: For the history, the model card, and the run that would push the model that is left again.
        run_id: For the history.

    Raises:
        DataError: There is no such version, or nothing to go back to.
    """
    served = int(latest(folder).name)
    history, numbers = read_history(folder), versions(folder)
    there = [record for record in history.records if record.version in numbers]
    left = next(record for record in there if record.version == served)
    target = _before(folder, history, there, left) if to is None else _named(folder, history, there, left, to)
    model = version_folder(folder, target.version)

    def extra(record: Record) -> Mapping[str, bytes]:
        return reissue(model, record)

    draft = dataclasses.replace(target, why=ROLLBACK, run_id=run_id, reason=reason)
    return RolledBack(left, target, publish(model, folder, draft, extra))


def describe(record: Record) -> str:
    """Returns a push as people call it."""
    name = f"version {record.version}"
    return name if record.of == record.version else f"{name} (the model of version {record.of})"


def _before(folder: Path, history: History, there: Sequence[Record], left: Record) -> Record:
    """Returns the newest push of the model that was served before."""
    standing, _ = history.replay()
    earlier = [record for record in standing if record.of < left.of]
    if not earlier:
        raise DataError(
            f"{folder}: no model was served before {describe(left)}; there are: {_listed(history, there, left)}"
        )
    copies = [record for record in there if record.of == earlier[-1].of]
    if not copies:
        raise DataError(
            f"{folder}: {describe(earlier[-1])}, served before {describe(left)}, was removed;"
            f" name another by --to, there are: {_listed(history, there, left)}"
        )
    return copies[-1]


def _named(folder: Path, history: History, there: Sequence[Record], left: Record, to: int) -> Record:
    found = [record for record in there if record.version == to]
    if not found:
        raise DataError(f"{folder}: no version {to}; there are: {_listed(history, there, left)}")
    if found[0].of == left.of:
        raise DataError(
            f"{folder}: version {to} is the model that is served now; there are: {_listed(history, there, left)}"
        )
    return found[0]


def _listed(history: History, there: Sequence[Record], left: Record) -> str:
    """Returns what is there, for whoever has to choose."""
    _, taken_back = history.replay()
    entries = []
    for record in there:
        notes = [f"the model of {record.of}"] if record.of != record.version else []
        notes += ["taken back"] if record.of in taken_back else []
        notes += ["served now"] if record == left else []
        entries.append(f"{record.version} ({', '.join(notes)})" if notes else str(record.version))
    return ", ".join(entries)
