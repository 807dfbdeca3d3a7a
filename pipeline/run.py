"""One run of a task, from the data to its report."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.data_gate.component import load_anomalies
from components.data_gate.drift.component import load_drift
from components.evaluator.component import REPORT_FILE
from components.example_gen.component import rows_property
from components.example_gen.window import SPAN_PROPERTY, WINDOW_PROPERTY, empty_spans, window_text
from components.pusher import disk
from components.pusher.component import DESTINATION_PROPERTY
from components.statistics import load_by_split
from components.trainer import curves
from components.versions import versions
from pipeline import fingerprint
from pipeline.config import RunConfig
from pipeline.graph import NEVER_CACHED, build_pipeline
from pipeline.identity import run_key
from pipeline.report import document, gather, page
from pipeline.runners.local import Stage, run_pipeline
from schema import names
from schema.contract import Contract
from schema.errors import UserError

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
    """Runs every stage and writes report.json, and report.html beside it.

    Args:
        contract: The task.
        run: Where to read, write and compute.
        on_start: Called with a stage's name.
        on_finish: Called with a stage as report.json has it.

    Returns:
        The report.
    """
    started = document.now()
    key = run_key(contract, run)
    disk.sweep(run.reports.parent)
    if run.fresh:
        for kept in (run.span_store, run.counts):  # Or else its spans would not be read.
            shutil.rmtree(kept, ignore_errors=True)
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

    of_spans: dict[str, int | str] = {}
    if run.spans:
        of_spans = {SPAN_PROPERTY: run.spans[-1].number, WINDOW_PROPERTY: window_text(run.spans)}
    stages = run_pipeline(pipeline, run.run_id, NEVER_CACHED, run.profile, on_start, finish, properties=of_spans)
    by_id = {stage.id: stage for stage in stages}
    judged = json.loads((Path(by_id["Report"].outputs["report"].uri) / REPORT_FILE).read_text(encoding="utf-8"))
    pushed = by_id["Pusher"].outputs["pushed_model"].get_string_custom_property(DESTINATION_PROPERTY)
    parameters = {node.id: node.exec_properties for node in pipeline.components}
    statistics = load_by_split(by_id["StatisticsGen"].outputs["statistics"])
    anomalies = load_anomalies(by_id["ExampleValidator"].outputs["anomalies"])
    drift = load_drift(by_id["Drift"].outputs["drift"]) if "Drift" in by_id else None
    report = {
        "format": document.FORMAT,
        "task": contract.task.task,
        "run_id": run.run_id,
        "key": key,
        "span": run.spans[-1].label if run.spans else None,
        "window": run.window and run.window | {"empty": empty_spans(by_id["ExampleGen"].outputs["examples"])},
        "started": started,
        "finished": document.now(),
        "versions": versions(),
        "no_baseline": run.no_baseline,
        "pushed": pushed or None,
        "baseline": parameters["Baseline"]["version"] or None,
        "stages": entries,
        "data": gather.data(statistics, anomalies, contract.task, drift),
        "training": curves.read(Path(by_id["Trainer"].outputs["model_run"].uri)),
        "lineage": {
            "training": parameters["Pusher"]["training"],
            "artifacts": {f"{s.id}.{key}": artifact.uri for s in stages for key, artifact in s.outputs.items()},
            "code": fingerprint.codes(),
        },
        **judged,
    }
    _write(report, run.reports)
    return report


def _write(report: dict[str, Any], folder: Path) -> None:
    """Writes both files of a report; their folder appears with all of them, or not at all."""
    draft = disk.beside(folder)
    document.write(draft, report)
    try:
        page.write(draft / document.PAGE_FILE, report)
    except UserError:
        # The verdict stands and the model is served: a page that cannot be drawn does not change that.
        logging.exception("no report.html")
    draft.rename(folder)
    disk.flush(folder.parent)
