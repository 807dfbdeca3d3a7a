"""Metrics over all heads of a row together, which TFMA does not have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

JOINT_METRICS = ("exact_match", "hamming_loss")


class _JointCombiner(beam.CombineFn):
    """Accumulates [labelled rows, rows right in every labelled head, labels, wrong labels]."""

    def __init__(self, keys: dict[str, metric_types.MetricKey]):
        self._keys = keys

    def create_accumulator(self) -> np.ndarray:
        return np.zeros(4)

    def add_input(self, sums: np.ndarray, element: metric_types.StandardMetricInputs) -> np.ndarray:
        predictions, model = element.prediction, next(iter(self._keys.values())).model_name
        labels, masks = element.label, element.example_weight
        if model:
            predictions, labels, masks = predictions[model], labels[model], masks[model]
        asked = [head for head, mask in masks.items() if np.asarray(mask).item()]
        wrong = sum(np.argmax(predictions[head]) != np.asarray(labels[head]).item() for head in asked)
        return sums + np.array([bool(asked), bool(asked) and not wrong, len(asked), wrong], float)

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        return np.sum(list(accumulators), axis=0)

    def extract_output(self, sums: np.ndarray) -> dict[metric_types.MetricKey, float]:
        rows, exact, labels, wrong = sums
        values = (exact / rows, wrong / labels) if rows else (float("nan"), float("nan"))
        return {self._keys[name]: float(value) for name, value in zip(JOINT_METRICS, values, strict=True)}


def _computations(
    model_names: list[str] | None = None, example_weighted: bool = True, name: str | None = None, **_: Any
) -> metric_types.MetricComputations:
    computations = []
    for model in model_names or [""]:
        keys = {
            metric: metric_types.MetricKey(metric, model, example_weighted=example_weighted) for metric in JOINT_METRICS
        }
        computations.append(metric_types.MetricComputation(list(keys.values()), None, _JointCombiner(keys)))
    return computations


class JointMetrics(metric_types.Metric):
    """`exact_match`, share of rows that are right in every labelled head, and `hamming_loss`, share of wrong labels.

    A missing label is not compared; rows without any label are not counted.

    Args:
        name: Not used: every value has the name of its metric.
    """

    def __init__(self, name: str = "joint_metrics"):
        super().__init__(_computations, name=name)
