"""Finished trainings on disk, one file each, so that the same command does not repeat them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.pusher.disk import write_whole

FORMAT = 1


def write(file: Path, data: dict[str, Any]) -> None:
    """Writes JSON whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(data, indent=1, allow_nan=False) + "\n")


def read(file: Path) -> dict[str, Any] | None:
    """Returns a finished training, or None if there is none or its file is not whole."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and data.get("format") == FORMAT else None
