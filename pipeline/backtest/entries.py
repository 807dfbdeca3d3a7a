"""What became of a step, as backtest.json has it."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

from pipeline.backtest.plan import Step
from pipeline.quiet import message, root_cause
from pipeline.report import document, drift, gates
from schema.errors import DriftFound, UserError

BLESSED, REFUSED, STOPPED, FAILED, SKIPPED = "blessed", "refused", "stopped", "failed", "skipped"
VERDICTS = (BLESSED, REFUSED)
# Exit codes of a run that the data, or the task, kept from a verdict: on the same data it would end in the same way.
_STOPPED_CODES = (2, 3)

Entry = dict[str, Any]


def of_report(step: Step, report: dict[str, Any], folder: Path, output: Path) -> Entry:
    """Returns the entry of a run that came to a verdict.

    Args:
        step: The step.
        report: Of the run.
        folder: Of the report.
        output: The folder that backtest.json lies in.
    """
    started, finished = (datetime.datetime.fromisoformat(report[key]) for key in ("started", "finished"))
    heads = report["heads"].items()
    return _entry(step, BLESSED if report["blessed"] else REFUSED) | {
        "reasons": gates.refusals(report),
        "run_id": report["run_id"],
        "window": report["window"],
        "rows": report["data"]["splits"],
        "seconds": (finished - started).total_seconds(),
        "heads": {name: {"test": head["overall"], "baseline": head["baseline"]} for name, head in heads},
        "drift": drift.findings(report),
        "report": Path(os.path.relpath(folder / document.PAGE_FILE, output)).as_posix(),
        "examples": report["lineage"]["artifacts"]["ExampleGen.examples"],
        "model": report["lineage"]["artifacts"]["Trainer.model"],
    }


def of_error(step: Step, error: Exception, seconds: float) -> Entry:
    """Returns the entry of a run that came to no verdict.

    Args:
        step: The step.
        error: What ended it.
        seconds: How long it took.
    """
    cause = root_cause(error)
    is_stopped = isinstance(cause, UserError) and cause.exit_code in _STOPPED_CODES
    sentence, *lines = message(cause).splitlines()
    moved = list(cause.findings) if isinstance(cause, DriftFound) else []
    return _entry(step, STOPPED if is_stopped else FAILED) | {
        "reasons": [sentence] if moved else [sentence, *(line.strip() for line in lines)],
        "drift": moved,
        "seconds": round(seconds, 1),
    }


def of_nothing(step: Step) -> Entry:
    """Returns the entry of a step without a run."""
    return _entry(step, STOPPED if step.is_failure else SKIPPED) | {"reasons": [step.note]}


def _entry(step: Step, state: str) -> Entry:
    return {
        "due": step.label,
        "span": step.run.spans[-1].label if step.run else None,
        "key": step.key,
        "state": state,
        "reasons": [],
        "note": step.note,
        "run_id": None,
        "window": step.run.window if step.run else None,
        "rows": None,
        "seconds": None,
        "heads": {},
        "drift": [],
        "report": None,
        "examples": None,
        "is_checked": False,
        "model": None,
        "forward": None,
    }
