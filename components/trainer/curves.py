"""How a training began and went, epoch by epoch: what the report tells and draws."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FILE = "training.json"


def write(folder: Path, history: Mapping[str, Sequence[float]], warm_start: Mapping[str, Any] | None = None) -> None:
    """Writes what Keras's History has kept, of all epochs, those before a kill included.

    Args:
        folder: Of the training.
        history: Values per epoch by name, as `loss`, `val_loss`, `HEAD_loss`.
        warm_start: What the training began from; None if it was not asked to begin from anything.
    """
    found: dict[str, Any] = {"curves": {name: [_number(value) for value in values] for name, values in history.items()}}
    if warm_start is not None:
        found["warm_start"] = warm_start
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> dict[str, Any]:
    """Returns `curves`, values per epoch by name, None where one was no finite number; and `warm_start`, if it is kept.

    Args:
        folder: Of the training.
    """
    return json.loads((folder / FILE).read_text(encoding="utf-8"))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
