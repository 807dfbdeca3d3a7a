"""What was ever pushed to a serving folder: so that no number is used twice, and a roll-back knows where to go.

The file beside the versions is only a memory. Every version folder holds its own record, so that a history that is lost
or damaged is made again from what is there.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

from components.pusher import disk
from components.pusher.folder import numbers, version_folder, versions
from components.pusher.pointer import Pointer, read_number, read_pointer
from schema.errors import DataError

HISTORY_FILE = "history.json"
RECORD_FILE = "push.json"
RUN, ROLLBACK = "run", "rollback"


@dataclasses.dataclass(frozen=True)
class Record:
    """One push.

    Attributes:
        version: Its number.
        of: The version under which this very model was pushed first: its own number, unless `why` is `rollback`.
        why: `run` or `rollback`.
        pushed: When, in UTC, ISO 8601; empty if nobody wrote it down.
        run_id: Of the run or roll-back.
        source: The model artifact that the model was copied from.
        training: Digest of everything that made the model: data, code and task, without gates.
        baseline: The version folder it was judged against; None for the first.
        reason: Why it was rolled back to; empty if nobody said.
    """

    version: int
    of: int
    why: str
    pushed: str
    run_id: str
    source: str
    training: str
    baseline: str | None
    reason: str


@dataclasses.dataclass(frozen=True)
class TakenBack:
    """A model that a roll-back took back.

    Attributes:
        model: As it was pushed last.
        by: The roll-back.
    """

    model: Record
    by: Record


@dataclasses.dataclass(frozen=True)
class History:
    """All pushes.

    Attributes:
        highest: The highest number that was ever used; 0 if none was.
        records: In the order of their numbers.
    """

    highest: int
    records: tuple[Record, ...]

    def replay(self) -> tuple[list[Record], dict[int, TakenBack]]:
        """Returns which models were served one after the other, and which were taken back.

        To push or to roll back to a model takes back all that were made after it. The next roll-back therefore goes
        further back, not to and fro; and one to a model that was taken back, by its number, puts it in force again.

        Returns:
            Models that stand, oldest first: the last one is served, and the one before is where a roll-back goes.
            Models that were taken back, by the number they were pushed under first.
        """
        standing: list[Record] = []
        taken_back: dict[int, TakenBack] = {}
        for record in self.records:
            if record.why == RUN:
                # Refused unless somebody insisted by --fresh: then it is in force again, whatever was said before.
                kept = {of: t for of, t in taken_back.items() if t.model.training != record.training}
                taken_back = kept if record.training else taken_back
            taken_back.pop(record.of, None)
            taken_back |= {model.of: TakenBack(model, record) for model in standing if model.of > record.of}
            standing = [*(model for model in standing if model.of < record.of), record]
        return standing, taken_back


def revocation(folder: Path, training: str) -> str:
    """Returns a sentence if a model of this very training was rolled back, else an empty string.

    Args:
        folder: Serving folder.
        training: Digest of a training.
    """
    _, taken_back = read_history(folder).replay()
    found = [t for t in taken_back.values() if training and t.model.training == training]
    if not found:
        return ""
    model, by = found[-1].model, found[-1].by
    when = f" on {by.pushed}" if by.pushed else ""
    return (
        f"the same training was pushed as version {model.version} and rolled back{when} to version {by.of}"
        f" ({by.reason or 'no reason given'}); change the task or the data, or push it again by --fresh"
    )


def read_history(folder: Path) -> History:
    """Returns all that is known of a serving folder's pushes: its file, and what only the versions themselves know.

    A crash between a push and its line in the file, a damaged or lost file, or versions older than the file make no
    difference to what is served, and are no errors.

    Raises:
        DataError: There is a file that cannot even be opened.
    """
    highest, records = _read_file(folder / HISTORY_FILE)
    for version in set(versions(folder)) - records.keys():
        records[version] = _read_record(folder, version)
    highest = max(highest, read_number(folder), *numbers(folder), *records, 0)
    return History(highest, tuple(records[version] for version in sorted(records)))


def write_history(folder: Path, history: History) -> None:
    """Replaces the file; whole or not at all."""
    data = {"highest": history.highest, "pushes": [dataclasses.asdict(record) for record in history.records]}
    disk.write_whole(folder / HISTORY_FILE, json.dumps(data, indent=1) + "\n")


def _read_file(file: Path) -> tuple[int, dict[int, Record]]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        highest, pushes = data["highest"], list(data["pushes"])
    except FileNotFoundError:
        return 0, {}
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); put its permissions right, or remove it") from None
    except (ValueError, TypeError, KeyError):
        logging.warning("%s: is not what a push writes; it is made again from the versions that are there", file)
        return 0, {}
    records = [record for record in map(_parse, pushes) if record]
    return highest if type(highest) is int else 0, {record.version: record for record in records}


def _read_record(folder: Path, version: int) -> Record:
    """Returns what a version knows of itself; of one without a record, what the pointer knows."""
    try:
        found = _parse(json.loads((version_folder(folder, version) / RECORD_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        found = None
    if found:
        return dataclasses.replace(found, version=version)
    try:
        pointer = read_pointer(folder)
    except DataError:
        pointer = None
    if pointer is None or pointer.version != version:
        pointer = Pointer(version, source="", training="", baseline=None)
    return Record(version, version, RUN, "", "", pointer.source, pointer.training, pointer.baseline, reason="")


def _parse(data: Any) -> Record | None:
    """Returns a record if the data is one."""
    try:
        record = Record(**data)
    except TypeError:
        return None
    texts = (record.why, record.pushed, record.run_id, record.source, record.training, record.reason)
    is_whole = type(record.version) is int and type(record.of) is int and all(isinstance(text, str) for text in texts)
    return record if is_whole and isinstance(record.baseline, str | None) else None
