"""One run of a task, from the data to report.json."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.evaluator.component import REPORT_FILE
from components.example_gen.component import ROWS_PROPERTY
from components.pusher.component import DESTINATION_PROPERTY
from pipeline.config import RunConfig
from pipeline.graph import NEVER_CACHED, build_pipeline
from pipeline.report import document
from pipeline.runners.local import Stage, run_pipeline
from schema.contract import Contract


def run_task(
    contract: Contract, run: RunConfig, on_start: Callable[[str], None], on_finish: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Runs every stage and writes report.json.

    Args:
        contract: The task.
        run: Where to read, write and compute.
        on_start: Called with a stage's name.
        on_finish: Called with a stage as report.json has it.

    Returns:
        The report.
    """
    started = _now()
    pipeline = build_pipeline(contract, run)
    rows: list[int | None] = [None]

    def finish(stage: Stage) -> None:
        if stage.id == "ExampleGen":
            rows[0] = stage.outputs["examples"].get_int_custom_property(ROWS_PROPERTY)
        on_finish(_entry(stage, rows[0]))

    stages = run_pipeline(pipeline, run.run_id, NEVER_CACHED, on_start, finish)
    by_id = {stage.id: stage for stage in stages}
    judged = json.loads((Path(by_id["Report"].outputs["report"].uri) / REPORT_FILE).read_text(encoding="utf-8"))
    pushed = by_id["Pusher"].outputs["pushed_model"].get_string_custom_property(DESTINATION_PROPERTY)
    baseline = next(node for node in pipeline.components if node.id == "Baseline").exec_properties["version"]
    report = {
        "format": document.FORMAT,
        "task": contract.task.task,
        "run_id": run.run_id,
        "started": started,
        "finished": _now(),
        "versions": document.versions(),
        "blessed": judged["blessed"],
        "pushed": pushed or None,
        "baseline": baseline or None,
        "stages": [_entry(stage, rows[0]) for stage in stages],
        "heads": judged["heads"],
        "joint": judged["joint"],
    }
    document.write(run.reports, report)
    return report


def _entry(stage: Stage, rows: int | None) -> dict[str, Any]:
    reads_all = stage.id in ("ExampleGen", "StatisticsGen")
    return {
        "id": stage.id,
        "seconds": round(stage.seconds, 2),
        "cached": stage.cached,
        "rows": rows if reads_all else None,
    }


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
