"""Replays a plan: every run as the schedule would have made it, in order, and what was served on the days after."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from pipeline.backtest import document, leaks, page, process, resume, tell, worker
from pipeline.backtest.entries import BLESSED, FAILED, Entry
from pipeline.backtest.plan import Plan
from pipeline.backtest.worker import Job
from pipeline.config import RunConfig
from pipeline.progress import Progress
from pipeline.report.document import now
from schema.contract import Contract

Do = Callable[[Job, Callable[[str], None], Callable[[str], None]], Entry]


def replay(contract: Contract, plan: Plan, config: RunConfig, progress: Progress, do: Do = process.do) -> bool:
    """Runs what has not been run yet; writes backtest.json and backtest.html after every step.

    A run that the data stops, or that fails, is an outcome of its step, and the next one begins: so it is on a
    schedule.

    Args:
        contract: The task.
        plan: All steps.
        config: Where to read and write; the folder is held by the caller.
        progress: Gets a line per step.
        do: Does a step.

    Returns:
        Whether no run failed.

    Raises:
        UserError: The folder holds another replay.
        LeakFound: A run would use, or has used, rows of a later day.
    """
    dated_by = leaks.check_plan(plan, contract.task.data.format)
    known = resume.done(contract, plan, config.output)
    done: list[Entry] = []
    seconds: list[float] = []
    for i, step in enumerate(plan.steps):
        name = f"{i + 1} of {len(plan.steps)}  {step.label}"
        before = known[i] if i < len(known) else None
        entry = before if before and _is_whole(before, worker.is_measured(step, before)) else None
        if entry is None:
            started = time.monotonic()
            blessed = tuple(one for one in done if one["state"] == BLESSED)
            job = Job(contract, config.output, step, before, blessed)
            entry = do(job, lambda what, name=name: progress.start(f"{name}: {what}"), progress.say)  # type: ignore[misc]
            seconds.append(time.monotonic() - started)
        is_new = entry is not before
        done.append(entry)
        made = document.make(contract, plan, done, dated_by, now())
        if is_new or i + 1 == len(plan.steps):
            document.write(config.output, made)
            page.write(config.output / document.PAGE_FILE, made)
        left = len(plan.steps) - max(i + 1, len(known))
        remaining = statistics.fmean(seconds) * left if seconds else None
        progress.done(name, tell.line(entry, made["main_metrics"], remaining), not is_new)
    tell.end(made, config.output, progress)
    return all(entry["state"] != FAILED for entry in done)


def _is_whole(entry: Entry, is_measured: bool) -> bool:
    """Returns whether nothing is to be done of a step: a kill may have come between its verdict and all else."""
    return is_measured and (entry["is_checked"] or not entry["examples"])
