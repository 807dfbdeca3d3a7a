"""Runs a grid: the stages up to Transform once per set of transformed examples, then every training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.example_gen.layout import Layout
from components.versions import versions
from pipeline import fingerprint
from pipeline.compare import records, summary, tables
from pipeline.compare.grid import Cell
from pipeline.compare.training import Examples, find_examples, train_and_judge
from pipeline.config import RunConfig
from pipeline.graph import NEVER_CACHED, build_pipeline
from pipeline.identity import data_fingerprint, training_digest
from pipeline.progress import Progress
from pipeline.report import document
from pipeline.runners.local import run_pipeline
from schema.contract import Contract
from schema.errors import UserError

_PREPARATION = frozenset(
    {"ExampleGen", "StatisticsGen", "ImportSchemaGen", "ExampleValidator", "DataGate", "Transform"}
)


def compare(cells: Sequence[Cell], num_seeds: int, run: RunConfig, progress: Progress) -> dict[str, Any]:
    """Trains what has not been trained yet, cell by cell, and returns the comparison.

    Args:
        cells: The grid.
        num_seeds: Trainings per cell.
        run: Where to read, write and compute.
        progress: Gets a line per stage and training, and the table.

    Returns:
        What runs/TASK/compare/RUN_ID.json holds.

    Raises:
        UserError: A training failed; the sentence names the cell.
    """
    started = document.now()
    task = cells[0].contract.task
    examples: dict[tuple[str, str], Examples] = {}
    results: list[list[dict[str, Any]]] = []
    for cell in cells:
        results.append([])
        rows = data_fingerprint(cell.contract, run.data, run.spans)
        for number in range(num_seeds):
            contract = cell.with_seed(number)
            name = f"{cell.label}, seed {contract.task.training.seed}"
            file = _trainings(run) / f"{training_key(contract, rows)}.json"
            result = records.read(file)
            is_known = result is not None
            if result is None:
                wanted = Layout.of(contract).to_json(), fingerprint.for_transform(contract.task).to_json()
                if wanted not in examples:
                    examples[wanted] = _prepare(contract, run, len(examples), progress)
                progress.start(name)
                result = {"format": records.FORMAT, **_train(name, contract, examples[wanted], file.with_suffix(""))}
                records.write(file, result)
            results[-1].append(result)
            progress.done(name, _line(result, cell), is_known)
    comparison = {
        "format": records.FORMAT,
        "task": task.task,
        "run_id": run.run_id,
        "started": started,
        "finished": document.now(),
        "versions": versions(),
        "main_metrics": summary.main_metrics(cells[0].contract),
        "cells": summary.summarise(cells, results),
    }
    file = run.output / "compare" / f"{run.run_id}.json"
    records.write(file, comparison)
    progress.show(tables.render(comparison), f"comparison: {file}")
    return comparison


def training_key(contract: Contract, rows: str) -> str:
    """Returns what identifies a training: all that makes the model, and what measures it.

    Args:
        contract: The task, with the seed of the training.
        rows: Fingerprint of the data.
    """
    return fingerprint.digest(training_digest(contract, rows), fingerprint.code("Evaluator"), str(records.FORMAT))


def _prepare(contract: Contract, run: RunConfig, number: int, progress: Progress) -> Examples:
    """Runs the pipeline up to Transform, or finds in the cache that it has run."""
    # All spans are one heap of rows here: none of them is the newest.
    undated = dataclasses.replace(contract, task=contract.task.model_copy(update={"drift": "off"}))
    stages = run_pipeline(
        build_pipeline(undated, run),
        f"{run.run_id}-compare-{number}",
        NEVER_CACHED,
        run.profile,
        progress.start,
        lambda stage: progress.done(stage.id, f"{stage.seconds:7.1f} s", stage.cached),
        wanted=_PREPARATION,
    )
    outputs = {stage.id: stage.outputs for stage in stages}
    transformed = outputs["Transform"]
    return find_examples(
        outputs["ExampleGen"]["examples"], transformed["transformed_examples"], transformed["transform_graph"]
    )


def _train(name: str, contract: Contract, examples: Examples, folder: Path) -> dict[str, Any]:
    try:
        return train_and_judge(contract, examples, folder)
    except UserError as error:
        raise type(error)(f"{name}: {error}") from None


def _trainings(run: RunConfig) -> Path:
    return run.output / "compare" / "trainings"


def _line(result: dict[str, Any], cell: Cell) -> str:
    """Returns what came out of a training, in short."""
    shown = summary.main_metrics(cell.contract).items()
    values = ((head, metric, result["heads"][head][metric]) for head, metric in shown)
    metrics = (f"{head} {metric} {'-' if value is None else f'{value:.4f}'}" for head, metric, value in values)
    return f"{result['seconds']:7.1f} s {result['epochs']:>4} epochs  {', '.join(metrics)}"
