"""Who holds a run's folder, for those who find it held.

The lock itself is the operating system's and ends with its process, however that ends; this file only names the holder,
and may be left behind by one that was killed.
"""

from __future__ import annotations

import datetime
import json
import os
import socket
import time
from pathlib import Path

_FILE = ".holder"
# Seconds within which a process that has taken the lock has long written who it is.
_PATIENCE = 1.0


def write(folder: Path, run_id: str) -> None:
    """Writes that this process holds the folder."""
    since = datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    record = {"run": run_id, "process": os.getpid(), "host": socket.gethostname(), "since": since}
    (folder / _FILE).write_text(json.dumps(record), encoding="utf-8")


def clear(folder: Path) -> None:
    """Removes what was written, as the folder is let go."""
    (folder / _FILE).unlink(missing_ok=True)


def who(folder: Path) -> str:
    """Returns who holds a folder that was found held, as part of a sentence.

    Whoever has just taken the lock has not written yet, and what is there may be of a process that was killed: it is
    given a moment.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        record = _read(folder)
        if record is not None and not _is_dead(record):
            return f"run {record['run']}, process {record['process']} on {record['host']}, since {record['since']}"
        if time.monotonic() > until:
            break
        time.sleep(_PATIENCE / 20)
    if record is None:
        return "another run"
    # A lock passes on to forked children, and they may outlive their parent.
    return f"a process left over from run {record['run']}, whose own process {record['process']} has ended"


def _read(folder: Path) -> dict[str, str | int] | None:
    try:
        record = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(record, dict) and record.keys() >= {"run", "process", "host", "since"}
    return record if whole else None


def _is_dead(record: dict[str, str | int]) -> bool:
    """Returns whether a holder has ended; of another machine's nobody here knows."""
    if record["host"] != socket.gethostname():
        return False
    try:
        os.kill(int(record["process"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # It is someone else's, and there.
    return False
