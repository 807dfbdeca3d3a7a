"""`multihead predict`: everything that can be refused is refused before TensorFlow and Beam are imported."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from components.exported import read_exported
from pipeline.config import RunConfig
from pipeline.predict.model import find_model
from pipeline.predict.plan import make_plan
from pipeline.predict.target import Target
from pipeline.progress import Progress
from schema.contract import Contract


def prepare(
    contract: Contract, config: RunConfig, output: Path, version: int | None, keep: Sequence[str]
) -> Callable[[Progress], None]:
    """Returns the work, which may take long; it says on the terminal what came of it.

    Args:
        contract: The task.
        config: The data, the run's folder, and where Beam's work is done.
        output: Where predictions go.
        version: Of the model; the latest if None.
        keep: Columns of the input to keep; every column but images if empty.

    Raises:
        UserError: There is no such model, the data cannot be predicted with it, or the output cannot be written to.
    """
    model = find_model(config.serving, version)
    plan = make_plan(contract, config.data, model, read_exported(model), keep)
    target = Target(output)
    target.check(config.data)

    def work(progress: Progress) -> None:
        with progress.doing("starting Beam and TensorFlow"):
            from pipeline.predict.run import predict
        progress.start("predicting")
        started = time.monotonic()
        counts = predict(plan, target, config.profile)
        rows = counts.predicted + counts.rejected
        progress.done("predicting", f"{time.monotonic() - started:7.1f} s {rows:>10,} rows")
        progress.say(f"{rows:,} rows in, {counts.predicted:,} predicted, {counts.rejected:,} rejected")
        progress.say(f"predictions: {target.path}, by the model {model}")
        if counts.rejected:
            progress.say(f"rejected rows, and why: {target.rejected}", style="yellow")

    return work
