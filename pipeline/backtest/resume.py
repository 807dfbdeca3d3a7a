"""What of a replay is done already.

A replay is in order or it is none: a run that is made up for after later ones would be compared with a model of its
own future. So a step without a verdict is done again only as long as no later one has come to a verdict; and a folder
that holds runs of another plan, task, code or data is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import verdicts
from pipeline.backtest import document, entries
from pipeline.backtest.entries import Entry
from pipeline.backtest.plan import Plan
from schema.contract import Contract
from schema.errors import UserError

_MEND = "give another --output, or remove this folder"


def done(contract: Contract, plan: Plan, output: Path) -> list[Entry]:
    """Returns the entries of the steps that need not be run again: the first so many.

    Of a run that was killed after its verdict, `forward` is still to be measured.

    Args:
        contract: The task.
        plan: All steps.
        output: The replay's folder.

    Raises:
        UserError: The folder holds something else.
    """
    before = document.read(output)
    recorded = _recorded(contract, plan, before, output) if before else {}
    reports = verdicts.files_by_key(output)
    if set(reports) - {step.key for step in plan.steps}:
        raise UserError(
            f"{output}: holds runs of another task, of other options, code or data, and in a replay all runs are "
            f"compared with those before them; {_MEND}"
        )
    last = max((i for i, step in enumerate(plan.steps) if step.key in reports), default=-1)
    found: list[Entry] = []
    for i, step in enumerate(plan.steps):
        entry, file = recorded.get(step.label), reports.get(step.key)
        if file:
            report = json.loads(file.read_text(encoding="utf-8"))
            if entry is None or entry["run_id"] != report["run_id"]:
                entry = entries.of_report(step, report, file.parent, output)
        elif entry is None and i < last:
            raise UserError(
                f"{output}: has a run of {plan.steps[last].label} and none of {step.label}, which is earlier; {_MEND}"
            )
        if entry is None or (i > last and entry["state"] == entries.FAILED):
            break
        found.append(entry)
    return found


def _recorded(contract: Contract, plan: Plan, before: Mapping[str, Any], output: Path) -> dict[str, Entry]:
    """Returns the entries of an earlier call by label."""
    then, now = before["plan"], document.plan_of(contract, plan)
    for key, value in then.items():
        if key != "to" and now[key] != value:
            raise UserError(f"{output}: holds a backtest with {key} {value}, not {now[key]}; {_MEND}")
    by_label = {entry["due"]: entry for entry in before["steps"]}
    planned = {step.label: step.key for step in plan.steps}
    if beyond := [label for label in by_label if label not in planned]:
        raise UserError(f"{output}: holds a backtest up to {beyond[-1]}; give --to {beyond[-1]} or later, or {_MEND}")
    if changed := [label for label, entry in by_label.items() if entry["key"] != planned[label]]:
        raise UserError(
            f"{output}: task, code or data of {changed[0]} are not what they were when it was replayed; {_MEND}"
        )
    return by_label
