"""How a training went, epoch by epoch: what the report draws."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

FILE = "training.json"


def write(folder: Path, history: Mapping[str, Sequence[float]]) -> None:
    """Writes what Keras's History has kept, of all epochs, those before a kill included.

    Args:
        folder: Of the training.
        history: Values per epoch by name, as `loss`, `val_loss`, `HEAD_loss`.
    """
    curves = {name: [_number(value) for value in values] for name, values in history.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps({"curves": curves}, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> dict[str, dict[str, list[float | None]]]:
    """Returns `curves`, values per epoch by name; None where one was no finite number."""
    return json.loads((folder / FILE).read_text(encoding="utf-8"))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
