"""What earlier runs came to, from their reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.report import document


def find_verdict(output: Path, key: str) -> dict[str, Any] | None:
    """Returns the newest report of a run that came to a verdict, blessed or not; None if there is none.

    Args:
        output: The run's folder.
        key: What the run was of (see `identity.run_key`).
    """
    for file in reversed(document.of_runs(output)):
        text = file.read_text(encoding="utf-8")
        if key not in text:  # Reports are long, and there is one per day.
            continue
        report: dict[str, Any] = json.loads(text)
        if report.get("key") == key:
            return report
    return None


def files_by_key(output: Path) -> dict[str, Path]:
    """Returns the newest report of everything that runs came to a verdict on, by its key, in the order of the runs.

    Args:
        output: The run's folder.
    """
    found: dict[str, Path] = {}
    for file in document.of_runs(output):
        key = str(json.loads(file.read_text(encoding="utf-8")).get("key"))
        found.pop(key, None)
        found[key] = file
    return found
