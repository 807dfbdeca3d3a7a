"""Replays a plan: every run as the schedule would have made it, in order, and what was served on the days after."""

from __future__ import annotations

import dataclasses
import datetime
import logging
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import metadata_copies, outcomes, session
from pipeline.backtest import document, entries, leaks, page, resume, tell
from pipeline.backtest.entries import BLESSED, FAILED, Entry
from pipeline.backtest.plan import Plan, Step
from pipeline.config import RunConfig
from pipeline.progress import Progress
from schema.contract import Contract
from schema.errors import UserError

if TYPE_CHECKING:
    from components.servable import Servable

# Where the Trainer's artifact has the SavedModel, as tfx.utils.path_utils says.
_SERVING_MODEL = "Format-Serving"


def replay(contract: Contract, plan: Plan, config: RunConfig, progress: Progress) -> bool:
    """Runs what has not been run yet; writes backtest.json and backtest.html after every step.

    A run that the data stops, or that fails, is an outcome of its step, and the next one begins: so it is on a
    schedule.

    Args:
        contract: The task.
        plan: All steps.
        config: Where to read and write; the folder is held by the caller.
        progress: Gets a line per step.

    Returns:
        Whether no run failed.

    Raises:
        UserError: The folder holds another replay.
        LeakFound: A run would use, or has used, rows of a later day.
    """
    dated_by = leaks.check_plan(plan, contract.task.data.format)
    known = resume.done(contract, plan, config.output)
    runner = _Runner(contract, config, progress)
    done: list[Entry] = []
    seconds: list[float] = []
    for i, step in enumerate(plan.steps):
        started = time.monotonic()
        name = f"{i + 1} of {len(plan.steps)}  {step.label}"
        is_known = i < len(known)
        entry = known[i] if is_known else runner.run(step, name)
        if entry["examples"] and not entry["is_checked"]:
            runner.check(step, entry)
        wanted = _forward_of(step)
        if wanted and not _is_measured(entry, wanted):
            is_known = False
            entry["forward"] = wanted | runner.measure(step, [*done, entry], name)
        done.append(entry)
        if not is_known:
            seconds.append(time.monotonic() - started)
            runner.forget()
        made = document.make(contract, plan, done, dated_by, _now())
        if not is_known or i + 1 == len(plan.steps):
            document.write(config.output, made)
            page.write(config.output / document.PAGE_FILE, made)
        left = len(plan.steps) - max(i + 1, len(known))
        remaining = statistics.fmean(seconds) * left if seconds else None
        progress.done(name, tell.line(entry, made["main_metrics"], remaining), is_known)
    tell.end(made, config.output, progress)
    return all(entry["state"] != FAILED for entry in done)


class _Runner:
    """Does what needs TFX and TensorFlow, which are loaded when they are first needed.

    Args:
        contract: The task.
        config: Where to read and write.
        progress: Shows what is done.
    """

    def __init__(self, contract: Contract, config: RunConfig, progress: Progress):
        self._contract, self._config, self._progress = contract, config, progress
        self._models: dict[str, Servable] = {}
        self._is_started = False

    def run(self, step: Step, name: str) -> Entry:
        """Makes the run of a step; returns what became of it."""
        if step.run is None:
            return entries.of_nothing(step)
        self._start()
        from pipeline.run import run_task

        run = dataclasses.replace(step.run, run_id=session.new_run_id())
        started = time.monotonic()

        def work() -> dict[str, Any]:
            metadata_copies.protect(run, self._progress.say)
            return run_task(self._contract, run, lambda stage: self._progress.start(f"{name}: {stage}"), lambda _: None)

        try:
            report = outcomes.recorded(self._contract, run, work, None, self._progress.say)
        except Exception as error:
            logging.exception("the run of %s", step.label)
            return entries.of_error(step, error, time.monotonic() - started)
        return entries.of_report(step, report, run.reports, self._config.output)

    def check(self, step: Step, entry: Entry) -> None:
        """Looks at what the run of a step has read.

        Raises:
            LeakFound: It has read what it was not to read.
        """
        self._start()
        from pipeline.backtest import written

        written.check(step, entry["examples"], self._contract.task.data.split)
        entry["is_checked"] = True

    def measure(self, step: Step, done: list[Entry], name: str) -> dict[str, Any]:
        """Returns how what is served after a step, and the model that was blessed first, did on the days after.

        Args:
            step: The step.
            done: Entries up to this step.
            name: Of the step, for the terminal.
        """
        blessed = [entry for entry in done if entry["state"] == BLESSED]
        if not blessed:
            return {"problem": "no model was served yet"}
        self._start()
        from pipeline.backtest.forward import measure

        self._progress.start(f"{name}: days after")
        started = time.monotonic()
        models = {document.SERVED: blessed[-1], document.ONCE: blessed[0]}
        try:
            asked = {str(entry["span"]): self._load(entry) for entry in models.values()}
            self._models = {path: model for path, model in self._models.items() if model in asked.values()}
            rows, found = measure(self._contract, step.after, asked)
        except UserError as error:
            logging.exception("the days after %s", step.label)
            return {"problem": str(error)}
        measured = {of: {"span": entry["span"], "heads": found[entry["span"]]} for of, entry in models.items()}
        return {"rows": rows, "seconds": round(time.monotonic() - started, 1), **measured}

    def forget(self) -> None:
        """Lets go of what a run left in memory."""
        if self._is_started:
            import gc

            import keras

            keras.backend.clear_session()
            gc.collect()

    def _load(self, entry: Entry) -> Servable:
        from components.servable import Servable

        if entry["model"] not in self._models:
            self._models[entry["model"]] = Servable.load(Path(entry["model"]) / _SERVING_MODEL)
        return self._models[entry["model"]]

    def _start(self) -> None:
        if not self._is_started:
            with self._progress.doing("starting TFX and TensorFlow"):
                import pipeline.run  # noqa: F401
            self._is_started = True


def _forward_of(step: Step) -> dict[str, Any] | None:
    """Returns which days come after a step, with nothing measured yet; None if the data ends with it."""
    if not step.after:
        return None
    return {
        "from": step.after[0].label,
        "to": step.after[-1].label,
        "spans": len(step.after),
        "rows": None,
        "seconds": None,
        "problem": None,
        document.SERVED: None,
        document.ONCE: None,
    }


def _is_measured(entry: Entry, wanted: dict[str, Any]) -> bool:
    """Returns whether these very days were measured; more may have come since."""
    found = entry["forward"]
    return found is not None and all(found[key] == wanted[key] for key in ("from", "to", "spans"))


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
