"""One run of a task, from the data to report.json."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.evaluator.component import REPORT_FILE
from components.example_gen.component import rows_property
from components.pusher.component import DESTINATION_PROPERTY
from pipeline.config import RunConfig
from pipeline.graph import NEVER_CACHED, build_pipeline
from pipeline.report import document
from pipeline.runners.local import Stage, run_pipeline
from schema import names
from schema.contract import Contract

# Whose rows a stage goes through; the others read no rows.
_SPLITS_READ = {
    "ExampleGen": names.SPLITS,
    "StatisticsGen": names.SPLITS,
    "Transform": (names.TRAIN, names.EVAL),
    "Trainer": (names.TRAIN, names.EVAL),
    "Evaluator": (names.TEST,),
}


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
    entries: list[dict[str, Any]] = []
    rows: dict[str, int] = {}

    def finish(stage: Stage) -> None:
        if stage.id == "ExampleGen":
            examples = stage.outputs["examples"]
            rows.update({split: examples.get_int_custom_property(rows_property(split)) for split in names.SPLITS})
        read = sum(rows[split] for split in _SPLITS_READ.get(stage.id, ()))
        entries.append(
            {"id": stage.id, "seconds": round(stage.seconds, 2), "cached": stage.cached, "rows": read or None}
        )
        on_finish(entries[-1])

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
        "stages": entries,
        "heads": judged["heads"],
        "joint": judged["joint"],
    }
    document.write(run.reports, report)
    return report


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
