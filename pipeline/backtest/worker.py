"""One step of a replay: its run, a look at what it has read, and the days after. It imports TFX when it is asked to."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import metadata_copies, outcomes, session
from pipeline.backtest import document, entries
from pipeline.backtest.entries import BLESSED, Entry
from pipeline.backtest.plan import Step
from schema.contract import Contract
from schema.errors import UserError

# Where the Trainer's artifact has the SavedModel, as tfx.utils.path_utils says.
_SERVING_MODEL = "Format-Serving"


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be done of a step.

    Attributes:
        contract: The task.
        output: The replay's folder.
        step: The step.
        entry: What became of its run; None if that is to be made.
        blessed: Entries of the models blessed before, in order.
    """

    contract: Contract
    output: Path
    step: Step
    entry: Entry | None
    blessed: tuple[Entry, ...]


def do(job: Job, start: Callable[[str], None], say: Callable[[str], None]) -> Entry:
    """Does a step, as far as it is not done; returns what became of it.

    Args:
        job: What is to be done.
        start: Is told what begins.
        say: Is told what people should read.

    Raises:
        LeakFound: The run has read what it was not to read.
    """
    entry = dict(job.entry) if job.entry else _run(job, start, say)
    if entry["examples"] and not entry["is_checked"]:
        from pipeline.backtest import written

        written.check(job.step, entry["examples"], job.contract.task.data.split)
        entry["is_checked"] = True
    if not is_measured(job.step, entry):
        start("days after")
        entry["forward"] = _measure(job, entry)
    return entry


def is_measured(step: Step, entry: Entry) -> bool:
    """Returns whether these very days after a step were measured, if any have come; more may have come since."""
    wanted, found = _forward(step), entry["forward"]
    if wanted is None:
        return True
    return found is not None and all(found[key] == wanted[key] for key in ("from", "to", "spans"))


def crashed(job: Job, sentence: str, entry: Entry) -> Entry:
    """Returns the entry of a step whose process ended before it could say what became of it.

    Args:
        job: What was to be done.
        sentence: How it ended.
        entry: What is known of the run.
    """
    forward = _forward(job.step)
    return entry | {"forward": forward and forward | {"problem": sentence}}


def _run(job: Job, start: Callable[[str], None], say: Callable[[str], None]) -> Entry:
    if job.step.run is None:
        return entries.of_nothing(job.step)
    begun = time.monotonic()
    run = dataclasses.replace(job.step.run, run_id=session.new_run_id())

    def work() -> dict[str, Any]:
        metadata_copies.protect(run, say)
        start("starting TFX and TensorFlow")
        from pipeline.run import run_task

        return run_task(job.contract, run, start, lambda _: None)

    try:
        report = outcomes.recorded(job.contract, run, work, None, say)
    except Exception as error:
        logging.exception("the run of %s", job.step.label)
        return entries.of_error(job.step, error, time.monotonic() - begun)
    return entries.of_report(job.step, report, run.reports, job.output)


def _measure(job: Job, entry: Entry) -> dict[str, Any] | None:
    """Returns how what is served after a step, and the model that was blessed first, did on the days after."""
    forward = _forward(job.step)
    blessed = [*job.blessed, *([entry] if entry["state"] == BLESSED else [])]
    if forward is None:
        return None
    if not blessed:
        return forward | {"problem": "no model was served yet"}
    from components.servable import Servable
    from pipeline.backtest.forward import measure

    begun = time.monotonic()
    models = {document.SERVED: blessed[-1], document.ONCE: blessed[0]}
    folders = {str(model["span"]): Path(model["model"]) / _SERVING_MODEL for model in models.values()}
    try:
        asked = {span: Servable.load(folder) for span, folder in folders.items()}
        rows, found = measure(job.contract, job.step.after, asked)
    except UserError as error:
        logging.exception("the days after %s", job.step.label)
        return forward | {"problem": str(error)}
    measured = {of: {"span": model["span"], "heads": found[model["span"]]} for of, model in models.items()}
    return forward | {"rows": rows, "seconds": round(time.monotonic() - begun, 1)} | measured


def _forward(step: Step) -> dict[str, Any] | None:
    """Returns which days come after a step, with nothing measured yet; None if the data ends with it."""
    if not step.after:
        return None
    days = {"from": step.after[0].label, "to": step.after[-1].label, "spans": len(step.after)}
    nothing = dict.fromkeys(("rows", "seconds", "problem", document.SERVED, document.ONCE))
    return days | nothing
