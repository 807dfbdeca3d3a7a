"""Sees to it that what becomes of a run is written down and told, however it ends."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import typer

from pipeline import notify, session, status
from pipeline.config import RunConfig
from pipeline.notify import Webhook
from pipeline.quiet import message, root_cause
from pipeline.report import document
from pipeline.status import Outcome
from schema.contract import Contract
from schema.errors import DriftFound, RunFolderBusy, UserError


def recorded(
    contract: Contract,
    run: RunConfig,
    work: Callable[[], dict[str, Any]],
    webhook: Webhook | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Does the work of a run, which returns its report, and records what becomes of it.

    Args:
        contract: The task.
        run: Its folder is held by the caller.
        work: The run.
        webhook: Is told of what people should look at.
        say: Is told if the webhook cannot be reached.
    """
    task, started = contract.task.task, status.now()
    status.record(task, run, Outcome("running", started, "running"))
    try:
        report = work()
    except KeyboardInterrupt:
        status.record(task, run, Outcome("stopped", started, "stopped; the same command goes on"))
        raise
    except Exception as error:
        notify.tell(webhook, status.record(task, run, _failed(error, started)), say)
        raise
    notify.tell(webhook, status.record(task, run, Outcome.of_report(report, started)), say)
    return report


@contextmanager
def failures_told(task: str, webhook: Webhook | None, folder: Path | None = None) -> Iterator[None]:
    """Records and tells what keeps a run from beginning.

    It is recorded only where an earlier run has left its folder, and not over what another run writes there just now.

    Args:
        task: Its name.
        webhook: Is told.
        folder: The run's folder, if it is known.
    """
    started = status.now()
    try:
        yield
    except UserError as error:
        run = RunConfig(Path(), folder or Path(), session.new_run_id())
        outcome = _failed(error, started)
        found: dict[str, Any] = {
            "task": task,
            "run_id": None,
            "state": "failed",
            "sentence": outcome.sentence,
            "drift": [],
        }
        if folder and folder.is_dir() and not isinstance(error, RunFolderBusy):
            with suppress(UserError), session.hold(run):
                found = status.record(task, run, outcome)
        notify.tell(webhook, found, lambda sentence: typer.echo(sentence, err=True))
        raise


def catch_up(task: str, runs: Sequence[RunConfig]) -> None:
    """Records the verdict of one of these runs if it was killed after it had come to it and before it could say so.

    Args:
        task: Its name.
        runs: Their folder is held by the caller.
    """
    for run in runs:
        found = status.read(run.output)
        if found.get("state") != "running" or found["span"] != run.spans[-1].label:
            continue
        killed = dataclasses.replace(run, run_id=found["run_id"])
        if (file := killed.reports / document.REPORT_FILE).is_file():
            started = datetime.datetime.fromisoformat(found["started"])
            status.record(task, killed, Outcome.of_report(document.read(file), started))


def _failed(error: Exception, started: datetime.datetime) -> Outcome:
    cause = root_cause(error)
    return Outcome("failed", started, message(cause), drift=cause.findings if isinstance(cause, DriftFound) else ())
