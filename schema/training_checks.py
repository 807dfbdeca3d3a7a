"""What does not go together in `training`; works on plain data, so that one error hides no other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from schema.document import Document
from schema.problems import Problem
from schema.training import EarlyStopping, PlateauSchedule, Training


def checks(document: Document) -> Iterator[Problem]:
    """Yields schedules that have no say because the training is over first."""
    training, schedule = document.section("training"), document.section("training", "schedule")
    warmup, epochs = schedule.get("warmup_epochs"), training.get("epochs", Training().epochs)
    if _is_positive(warmup) and _is_positive(epochs) and warmup >= epochs:
        message = (
            f"the learning rate would rise for {warmup} epochs, and `training.epochs` is {epochs}: "
            "warm up for fewer epochs than there are"
        )
        yield document.problem(("training", "schedule", "warmup_epochs"), message)
    if schedule.get("type") != "plateau" or not isinstance(stopping := training.get("early_stopping", {}), dict):
        return
    patience = schedule.get("patience", PlateauSchedule(type="plateau").patience)
    end = stopping.get("patience", EarlyStopping().patience)
    if _is_positive(patience) and _is_positive(end) and patience >= end:
        message = (
            f"the learning rate would fall after {patience} epochs without a gain, and "
            f"`training.early_stopping.patience` is {end}: let it fall after fewer, or the training is over first"
        )
        yield document.problem(("training", "schedule", "patience"), message)


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
