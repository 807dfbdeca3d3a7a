"""report.json: what came out of a run, in format 1."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from components.pusher.disk import write_whole
from schema.errors import UserError

FORMAT = 1
_KEYS = frozenset({"task", "run_id", "blessed", "pushed", "baseline", "stages", "heads", "joint"})
REPORT_FILE = "report.json"
PAGE_FILE = "report.html"


def now() -> str:
    """Returns the time as reports have it: ISO 8601, in UTC, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def write(folder: Path, report: dict[str, Any]) -> Path:
    """Writes report.json whole or not at all; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / REPORT_FILE
    write_whole(file, json.dumps(report, indent=1, allow_nan=False) + "\n")
    return file


def of_runs(output: Path) -> list[Path]:
    """Returns the report.json of every run that came to a verdict, oldest first: run ids sort by time.

    Args:
        output: The run's folder.
    """
    return sorted(output.glob(f"reports/[!.]*/{REPORT_FILE}"))


def find(run: Path) -> Path:
    """Returns the report.json of a path: itself, one in a report's folder, or the newest of a run's folder.

    Raises:
        UserError: There is none.
    """
    if run.is_file():
        return run
    if (run / REPORT_FILE).is_file():
        return run / REPORT_FILE
    reports = sorted([*of_runs(run), *run.glob(f"[!.]*/{REPORT_FILE}")])
    if not reports:
        raise UserError(f"{run}: no {REPORT_FILE} there; give a run's folder such as runs/flights, or a report")
    return reports[-1]


def read(file: Path) -> dict[str, Any]:
    """Reads a report.

    Raises:
        UserError: It is not one, or of another format.
    """
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read as a report ({error})") from None
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        raise UserError(f"{file}: not a report of format {FORMAT}")
    if missing := sorted(_KEYS - report.keys()):
        raise UserError(f"{file}: not a whole report: {', '.join(missing)} missing")
    return report
