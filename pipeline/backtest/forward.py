"""How models did on the days after: the rows that came while they were served, and that nobody had seen yet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from components.evaluator.counts import HeadCounts
from components.evaluator.metrics import LABELLED, metrics_of
from components.example_gen import source
from components.example_gen.layout import Layout
from components.example_gen.places import place
from components.example_gen.spans import Span
from components.example_gen.write import encoded
from components.exported import ExportedHead
from components.servable import Servable
from schema import names
from schema.contract import Contract

# Rows that a model is asked about at a time.
_BATCH = 4096

Metrics = dict[str, dict[str, float | None]]


def measure(
    contract: Contract, spans: Sequence[Span], models: Mapping[str, Servable]
) -> tuple[int, dict[str, Metrics]]:
    """Returns how many rows there are, and of every model its metrics by head over the labelled ones among them.

    Rows are read and encoded as ExampleGen does it; labels are what a model's own Transform makes of them; metrics are
    the Evaluator's, `labelled` rows among them, and None where one is not defined.

    Args:
        contract: The task.
        spans: Whose rows; all models are asked about the same.
        models: By any name.

    Raises:
        DataError: A file cannot be read, or a model cannot be asked about its rows.
    """
    rows = 0
    counts: dict[tuple[str, str], HeadCounts] = {}
    for batch in _batches(contract, spans):
        rows += len(batch)
        for name, model in models.items():
            for head, counted in _count(model, batch).items():
                before = counts.get((name, head))
                counts[name, head] = counted if before is None else before + counted
    found: dict[str, Metrics] = {name: {} for name in models}
    for (name, head), counted in counts.items():
        found[name][head] = _defined(metrics_of(counted))
    return rows, found


def _batches(contract: Contract, spans: Sequence[Span]) -> Iterator[list[bytes]]:
    """Yields serialized tf.Examples of raw rows."""
    layout, file_format = Layout.of(contract), contract.task.data.format
    for span in spans:
        for shard in source.shards_of(source.find_files(place(span.folder), file_format), file_format):
            for _, serialized in encoded(shard, layout):
                for start in range(0, len(serialized), _BATCH):
                    yield serialized[start : start + _BATCH]


def _count(model: Servable, serialized: Sequence[bytes]) -> dict[str, HeadCounts]:
    answers = model.predict_examples(serialized, names.EVALUATION)
    columns = model.predict_examples(serialized, names.TRANSFORM_FEATURES)
    return {name: _of_head(name, head, answers, columns) for name, head in model.exported.heads.items()}


def _of_head(
    name: str, head: ExportedHead, answers: Mapping[str, np.ndarray], columns: Mapping[str, np.ndarray]
) -> HeadCounts:
    kept = columns[names.labelled(name)] > 0
    labels, trained = columns[names.label(name)][kept], answers[names.uncalibrated(name)][kept]
    return HeadCounts.of(labels, answers[name][kept], head.thresholds, head.is_multilabel, trained)


def _defined(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    return {
        name: int(value) if name == LABELLED else float(value) if math.isfinite(value) else None
        for name, value in metrics.items()
    }
