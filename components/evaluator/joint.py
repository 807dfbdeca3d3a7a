"""Metrics over all heads of a row together, which TFMA does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.buffered import BufferedCombiner, BufferedRows, of_model
from components.evaluator.metrics import decide

JOINT_METRICS = ("exact_match", "hamming_loss")

_Row = tuple[Mapping[str, np.ndarray], ...]


class _JointCombiner(BufferedCombiner):
    """Counts [labelled rows, rows right in every labelled head, labels, wrong labels]."""

    def __init__(self, keys: dict[str, metric_types.MetricKey], heads: Mapping[str, Mapping[str, Any]]):
        self._keys = keys
        self._model = next(iter(keys.values())).model_name
        self._heads = heads

    def row(self, element: metric_types.StandardMetricInputs) -> _Row | None:
        row = of_model(element, self._model)
        return row if any(row[2][head].item() for head in self._heads) else None

    def count(self, rows: Sequence[_Row]) -> np.ndarray:
        if not rows:
            return np.zeros(4)
        parts = tuple(zip(*rows, strict=True))  # Predictions, labels, masks.
        is_wrong = np.zeros(len(rows), bool)
        num_labels = num_wrong = 0
        for head, given in self._heads.items():
            probabilities, truth, mask = (np.array([row[head] for row in part]) for part in parts)
            decided = decide(probabilities.reshape(len(rows), -1), given["thresholds"], given["multilabel"])
            # (rows, 1), or (rows, num_tags): each tag is a label.
            errors = (decided != truth.reshape(decided.shape)).reshape(len(rows), -1)
            is_labelled = mask.reshape(-1) > 0
            errors &= is_labelled[:, np.newaxis]
            is_wrong |= errors.any(axis=1)
            num_labels += is_labelled.sum() * errors.shape[1]
            num_wrong += errors.sum()
        return np.array([len(rows), len(rows) - is_wrong.sum(), num_labels, num_wrong], float)

    def compact(self, buffer: BufferedRows) -> BufferedRows:
        self.fold(buffer)  # Four numbers travel better than rows of all heads.
        return buffer

    def values(self, counts: np.ndarray) -> dict[metric_types.MetricKey, float]:
        rows, exact, labels, wrong = counts
        values = (exact / rows, wrong / labels) if rows else (float("nan"), float("nan"))
        return {self._keys[name]: float(value) for name, value in zip(JOINT_METRICS, values, strict=True)}


def _computations(
    heads: Mapping[str, Mapping[str, Any]],
    model_names: list[str] | None = None,
    example_weighted: bool = True,
    name: str | None = None,
    **_: Any,
) -> metric_types.MetricComputations:
    computations = []
    for model in model_names or [""]:
        keys = {
            metric: metric_types.MetricKey(metric, model, example_weighted=example_weighted) for metric in JOINT_METRICS
        }
        computations.append(metric_types.MetricComputation(list(keys.values()), None, _JointCombiner(keys, heads)))
    return computations


class JointMetrics(metric_types.Metric):
    """`exact_match`, share of rows that are right in every labelled head, and `hamming_loss`, share of wrong labels.

    A missing label is not compared; rows without any label are not counted. A multilabel head is right when all its
    tags are, and each of its tags is a label.

    Args:
        heads: `thresholds` and `multilabel` by head, as `HeadMetrics` takes them.
        name: Not used: every value has the name of its metric.
    """

    def __init__(self, heads: Mapping[str, Mapping[str, Any]], name: str = "joint_metrics"):
        super().__init__(_computations, heads=heads, name=name)
