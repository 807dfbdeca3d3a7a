"""What became of a task's newest run, for machines: status.json, and metrics.prom for Prometheus."""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from components.pusher.disk import sweep, write_whole
from pipeline import openmetrics
from pipeline.config import RunConfig
from pipeline.report import drift, gates

STATUS_FILE = "status.json"
METRICS_FILE = "metrics.prom"
FORMAT = 1
State = Literal["running", "pushed", "refused", "stopped", "failed"]
# Kept from one run to the next.
_LASTING = ("next_run", "last_run", "last_verdict", "last_success")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        state: `running`; with a verdict `pushed` or `refused`; without one `stopped` by a person, or `failed`.
        started: When it began.
        sentence: What there is to say about it.
        report: Of a verdict; None if it came to none.
        drift: A sentence for everything that moved too far.
    """

    state: State
    started: datetime.datetime
    sentence: str
    report: dict[str, Any] | None = None
    drift: tuple[str, ...] = ()

    @classmethod
    def of_report(cls, report: dict[str, Any], started: datetime.datetime) -> Outcome:
        """Returns the outcome of a run that came to a verdict."""
        if report["blessed"]:
            sentence = f"blessed, pushed to {report['pushed']}" if report["pushed"] else "blessed, not pushed"
        else:
            sentence = gates.refusal(report)
        state: State = "pushed" if report["blessed"] else "refused"
        return cls(state, started, sentence, report, tuple(drift.findings(report)))


def now() -> datetime.datetime:
    """Returns the time, with its zone."""
    return datetime.datetime.now(datetime.timezone.utc)


def record(task: str, run: RunConfig, outcome: Outcome) -> dict[str, Any]:
    """Writes what became of a run into its folder, and returns it; a full disk is a line in the log, no failure.

    Args:
        task: Its name.
        run: Where it wrote.
        outcome: What became of it.
    """
    finished = None if outcome.state == "running" else now()
    report = outcome.report
    status = {
        "format": FORMAT,
        "task": task,
        "state": outcome.state,
        "run_id": run.run_id,
        "process": os.getpid(),
        "span": run.spans[-1].label if run.spans else None,
        "started": _text(outcome.started),
        "finished": finished and _text(finished),
        "seconds": finished and round((finished - outcome.started).total_seconds(), 1),
        "rows": report and report["stages"][0]["rows"],
        "blessed": report and report["blessed"],
        "pushed": report and report["pushed"],
        "sentence": outcome.sentence,
        "drift": list(outcome.drift),
    }
    if finished:
        status["last_run"] = {key: status[key] for key in ("run_id", "state", "finished", "seconds")}
    if finished and report:
        brief = {key: status[key] for key in ("run_id", "span", "finished", "seconds", "rows", "blessed", "pushed")}
        heads = {head: values["overall"] for head, values in report["heads"].items()}
        status["last_verdict"] = {**brief, "drift": len(outcome.drift), "heads": heads}
        if report["blessed"]:
            status["last_success"] = {"run_id": run.run_id, "finished": status["finished"]}
    return _update(run.output, status)


def set_next_run(folder: Path, task: str, due: datetime.datetime | None) -> None:
    """Writes when the next run is due; None if no schedule runs any more."""
    _update(folder, {"format": FORMAT, "task": task, "next_run": due and due.isoformat(timespec="seconds")})


def correct(folder: Path, status: dict[str, Any], state: State, sentence: str) -> dict[str, Any]:
    """Writes how a run ended that could not write it itself, and returns it.

    Args:
        folder: The run's folder.
        status: What it had written.
        state: How it ended.
        sentence: What there is to say about it.
    """
    finished = now()
    seconds = round((finished - datetime.datetime.fromisoformat(status["started"])).total_seconds(), 1)
    ended = {"state": state, "finished": _text(finished), "seconds": seconds}
    return _update(folder, {**status, **ended, "sentence": sentence, "last_run": {"run_id": status["run_id"], **ended}})


def read(folder: Path) -> dict[str, Any]:
    """Returns status.json of a run's folder, empty if there is none or it is not whole."""
    try:
        status = json.loads((folder / STATUS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return status if isinstance(status, dict) and status.get("format") == FORMAT else {}


def _update(folder: Path, changes: dict[str, Any]) -> dict[str, Any]:
    """Writes both files; what a run says of itself replaces all that was said of the one before it."""
    status = changes
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _writing(folder):
            for name in (STATUS_FILE, METRICS_FILE):
                sweep(folder, name)
            before = read(folder)
            kept = before if "state" not in changes else {key: before[key] for key in _LASTING if key in before}
            status = {**dict.fromkeys(_LASTING), **kept, **changes}
            write_whole(folder / STATUS_FILE, json.dumps(status, indent=1, allow_nan=False) + "\n")
            write_whole(folder / METRICS_FILE, openmetrics.render(status))
    except OSError:
        logging.exception("no %s", STATUS_FILE)
    return status


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Keeps a run and a schedule from losing what the other has just written."""
    with FileLock(folder / f".{STATUS_FILE}.lock"):
        yield


def _text(time: datetime.datetime) -> str:
    return time.isoformat(timespec="seconds")
