"""backtest.json: what became of every step, and how what was served did on the days after, in format 1."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.versions import versions
from pipeline.backtest.entries import Entry
from pipeline.backtest.plan import Plan
from pipeline.compare import records
from pipeline.compare.summary import main_metrics
from schema.contract import Contract
from schema.gates import LOWER_IS_BETTER, METRICS

FILE = "backtest.json"
PAGE_FILE = "backtest.html"
SERVED, ONCE = "served", "train_once"


def plan_of(contract: Contract, plan: Plan) -> dict[str, Any]:
    """Returns what two replays in one folder must have in common, and `to`, which may grow."""
    return {
        "task": contract.task.task,
        "from": plan.first,
        "to": plan.last,
        "every": plan.every,
        "window": plan.window,
        "split": contract.task.data.split.model_dump(mode="json"),
    }


def make(
    contract: Contract, plan: Plan, entries: Sequence[Entry], dated_by: Sequence[str], finished: str
) -> dict[str, Any]:
    """Returns backtest.json.

    Args:
        contract: The task.
        plan: All steps.
        entries: Of those that were done.
        dated_by: Columns that date rows.
        finished: When the last of them ended, ISO 8601.
    """
    return {
        "format": records.FORMAT,
        "task": contract.task.task,
        "plan": plan_of(contract, plan),
        "is_dated": plan.is_dated,
        "state": "finished" if len(entries) == len(plan.steps) else "running",
        "planned": [step.label for step in plan.steps],
        "remarks": list(plan.remarks),
        "dated_by": list(dated_by),
        "main_metrics": main_metrics(contract),
        "steps": list(entries),
        "summary": summary(entries, list(contract.task.heads)),
        "finished": finished,
        "versions": versions(),
    }


def write(output: Path, made: dict[str, Any]) -> None:
    """Writes backtest.json whole or not at all."""
    records.write(output / FILE, made)


def read(output: Path) -> dict[str, Any] | None:
    """Returns backtest.json of a folder; None if there is none, or not a whole one."""
    return records.read(output / FILE)


def summary(entries: Sequence[Entry], heads: Sequence[str]) -> dict[str, Any]:
    """Returns, by head and metric, the means on the days after of what was served and of the first model.

    Both over the same steps: those at which they are two models and both have the metric. Beside them how many `steps`
    these are, and in how many of them what was served was `better` and `worse`.
    """
    return {head: {metric: _compared(entries, head, metric) for metric in METRICS} for head in heads}


def _compared(entries: Sequence[Entry], head: str, metric: str) -> dict[str, Any]:
    pairs = []
    for entry in entries:
        served, once = (after(entry, of, head, metric) for of in (SERVED, ONCE))
        if served is not None and once is not None and not _is_one_model(entry["forward"]):
            pairs.append((served, once))
    sign = -1 if metric in LOWER_IS_BETTER else 1
    return {
        SERVED: statistics.fmean(served for served, _ in pairs) if pairs else None,
        ONCE: statistics.fmean(once for _, once in pairs) if pairs else None,
        "steps": len(pairs),
        "better": sum(sign * served > sign * once for served, once in pairs),
        "worse": sum(sign * served < sign * once for served, once in pairs),
    }


def after(entry: Entry, of: str, head: str, metric: str) -> float | None:
    """Returns a metric on the days after a step; None if it was not measured, or is not defined.

    Args:
        entry: Of the step.
        of: SERVED or ONCE.
        head: Its name.
        metric: Its name.
    """
    measured = (entry["forward"] or {}).get(of)
    value = measured["heads"].get(head, {}).get(metric) if measured else None
    return None if value is None else float(value)


def _is_one_model(forward: dict[str, Any]) -> bool:
    return bool(forward[SERVED]["span"] == forward[ONCE]["span"])
