"""The runs of a command, one after the other. Loads without TFX, which a run that is not needed does not wait for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from pipeline import metadata_copies, outcomes, session, windows
from pipeline.config import RunConfig
from pipeline.notify import Webhook
from pipeline.report import tables
from schema.contract import Contract

if TYPE_CHECKING:
    from pipeline.progress import Progress


def run_once(contract: Contract, config: RunConfig, webhook: Webhook | None = None) -> dict[str, Any]:
    """Runs the whole pipeline once and returns its report. The run's folder is held by the caller.

    Args:
        contract: The task.
        config: The run.
        webhook: Is told if it fails, is refused or finds drift.

    Raises:
        typer.Exit: The run failed; the terminal has said why.
    """

    def work(progress: Progress) -> dict[str, Any]:
        metadata_copies.protect(config, progress.say)
        with progress.doing("starting TFX and TensorFlow"):
            from pipeline.run import run_task
        report = run_task(contract, config, progress.start, progress.finish)
        progress.close(report, config)
        return report

    if config.window:
        typer.echo(tables.spans(config.spans[-1].label, config.window))
    return session.watched(
        config,
        lambda progress: outcomes.recorded(contract, config, lambda: work(progress), webhook, progress.say),
        "stages",
    )


def run_pending(contract: Contract, runs: Sequence[RunConfig], webhook: Webhook | None = None) -> list[dict[str, Any]]:
    """Runs what has not come to a verdict yet, says what has, and returns the new reports.

    Raises:
        typer.Exit: A run failed: those after it are not begun.
    """
    outcomes.catch_up(contract.task.task, runs)
    todo, done = windows.pending(contract, runs)
    for sentence in done:
        typer.echo(sentence)
    if not todo:
        typer.echo("nothing to do")
    elif len(runs) > 1:
        typer.echo(f"to run: {', '.join(run.spans[-1].label for run in todo)}")
    return [run_once(contract, dataclasses.replace(run, run_id=session.new_run_id()), webhook) for run in todo]
