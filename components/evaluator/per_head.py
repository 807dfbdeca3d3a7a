"""All metrics of one head as one TFMA metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.buffered import BufferedCombiner, of_model
from components.evaluator.metrics import ECE_UNCALIBRATED, LABELLED, HeadCounts, distributions_of, metrics_of
from components.evaluator.packed import pack
from schema import names
from schema.gates import METRICS

DISTRIBUTIONS = "distributions"

_Row = tuple[np.ndarray, np.ndarray, np.ndarray | None]


class _HeadCombiner(BufferedCombiner):
    """Adds up the rows of a slice whose mask is not 0."""

    def __init__(self, keys: dict[str, metric_types.MetricKey], thresholds: Sequence[float], multilabel: bool):
        self._keys = keys
        self._model, self._head = keys[LABELLED].model_name, keys[LABELLED].output_name
        self._thresholds = np.array(thresholds)
        self._multilabel = multilabel

    def row(self, element: metric_types.StandardMetricInputs) -> _Row | None:
        predictions, labels, masks = of_model(element, self._model)
        if not masks[self._head].item():
            return None
        # Models of version 0.1 do not tell what they were trained to give.
        return labels[self._head], predictions[self._head], predictions.get(names.uncalibrated(self._head))

    def count(self, rows: Sequence[_Row]) -> HeadCounts:
        size = len(self._thresholds)
        labels = np.array([label for label, _, _ in rows], np.int64)
        trained = [row[2] for row in rows if row[2] is not None]
        return HeadCounts.of(
            labels.reshape((-1, size) if self._multilabel else -1),
            np.array([p for _, p, _ in rows]).reshape(-1, size),
            self._thresholds,
            self._multilabel,
            np.array(trained).reshape(-1, size) if trained else None,
        )

    def values(self, counts: HeadCounts) -> dict[metric_types.MetricKey, float | bytes]:
        # For every slice, though only the whole is drawn: a combiner does not know which slice it is.
        drawn = {self._keys[DISTRIBUTIONS]: pack(distributions_of(counts))}
        return {**{self._keys[name]: value for name, value in metrics_of(counts).items()}, **drawn}


def _computations(
    thresholds: Sequence[float],
    multilabel: bool,
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
    example_weighted: bool = True,
    name: str | None = None,
    **_: Any,
) -> metric_types.MetricComputations:
    computations = []
    for model in model_names or [""]:
        for head in output_names or [""]:
            keys = {
                metric: metric_types.MetricKey(metric, model, head, example_weighted=example_weighted)
                for metric in (LABELLED, *METRICS, ECE_UNCALIBRATED, DISTRIBUTIONS)
            }
            combiner = _HeadCombiner(keys, thresholds, multilabel)
            computations.append(metric_types.MetricComputation(list(keys.values()), None, combiner))
    return computations


class HeadMetrics(metric_types.Metric):
    """All metrics of one head, as `components.evaluator.metrics` defines them; and packed, what a report draws of it.

    Args:
        thresholds: Of the model's decisions, by class or tag.
        multilabel: Whether the head has tags.
        name: Not used: every value has the name of its metric.
    """

    def __init__(self, thresholds: Sequence[float], multilabel: bool, name: str = "head_metrics"):
        super().__init__(_computations, thresholds=thresholds, multilabel=multilabel, name=name)
