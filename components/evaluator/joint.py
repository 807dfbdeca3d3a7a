"""Metrics over all heads of a row together, which TFMA does not have."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.association import Variables, pairs_of_heads
from components.evaluator.buffered import BufferedCombiner, BufferedRows, of_model
from components.evaluator.metrics import LABELLED, decide
from components.evaluator.packed import pack
from schema.gates import JOINT_METRICS

# Pairs of heads that are written down, those of the largest difference first.
MAX_PAIRS = 100
ASSOCIATION = "association"

# Probabilities and labels of all heads side by side, and which heads have a label.
_Row = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclasses.dataclass
class JointCounts:
    """What the joint metrics need to know of the rows that have a label.

    Attributes:
        rows: How many, float64 `()`.
        right: Rows right in every labelled head, labels, and wrong labels, float64 `(3,)`; NaN if any score is.
        labels: `Variables.together` of the labels.
        decisions: The same of the decisions; NaN if any score is.
    """

    rows: float
    right: np.ndarray
    labels: np.ndarray
    decisions: np.ndarray

    def __add__(self, other: JointCounts) -> JointCounts:
        return JointCounts(
            self.rows + other.rows,
            self.right + other.right,
            self.labels + other.labels,
            self.decisions + other.decisions,
        )


class _JointCombiner(BufferedCombiner):
    """Adds up the rows of a slice that have a label."""

    def __init__(self, keys: dict[str, metric_types.MetricKey], heads: Mapping[str, Mapping[str, Any]]):
        self._keys = keys
        self._model = keys[LABELLED].model_name
        self._heads = heads
        self._variables = Variables.of(heads)

    def row(self, element: metric_types.StandardMetricInputs) -> _Row | None:
        predictions, labels, masks = of_model(element, self._model)
        is_labelled = np.array([masks[head].item() > 0 for head in self._heads])
        if not is_labelled.any():
            return None
        probabilities, truth = (np.concatenate([np.ravel(of[h]) for h in self._heads]) for of in (predictions, labels))
        return probabilities, truth, is_labelled

    def count(self, rows: Sequence[_Row]) -> JointCounts:
        size, variables = int(self._variables.sizes.sum()), self._variables
        if not rows:
            return JointCounts(0, np.zeros(3), np.zeros((size, size)), np.zeros((size, size)))
        probabilities, truth, has_label = (np.array(part) for part in zip(*rows, strict=True))
        truth, is_labelled = truth.astype(np.int64), has_label[:, variables.head]
        parts = np.split(probabilities, np.cumsum([len(h["thresholds"]) for h in self._heads.values()])[:-1], axis=1)
        decided = np.concatenate(
            [
                decide(p, given["thresholds"], given["multilabel"]).reshape(len(rows), -1)
                for p, given in zip(parts, self._heads.values(), strict=True)
            ],
            axis=1,
        )
        is_wrong = (decided != truth) & is_labelled
        right = np.array([(~is_wrong.any(axis=1)).sum(), is_labelled.sum(), is_wrong.sum()], float)
        decisions = variables.together(decided, is_labelled)
        has_nan = np.stack([np.isnan(p).any(axis=1) for p in parts], axis=1)
        if (has_nan & has_label).any():  # An argmax of NaN must not look like a decision.
            right, decisions = right * np.nan, decisions * np.nan
        return JointCounts(len(rows), right, variables.together(truth, is_labelled), decisions)

    def compact(self, buffer: BufferedRows) -> BufferedRows:
        if len(buffer.rows) > 2 * self._variables.sizes.sum():
            self.fold(buffer)  # Two square tables are fewer numbers than the rows by now, and travel better.
        return buffer

    def values(self, counts: JointCounts) -> dict[metric_types.MetricKey, Any]:
        exact, labels, wrong = counts.right
        pairs = pairs_of_heads(self._variables, counts.labels, counts.decisions)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = {
                LABELLED: float(counts.rows),
                "exact_match": float(exact / np.float64(counts.rows)),
                "hamming_loss": float(wrong / labels),
                "label_consistency": abs(pairs[0]["predicted"] - pairs[0]["true"]) if pairs else float("nan"),
                ASSOCIATION: pack(pairs[:MAX_PAIRS]),
            }
        return {self._keys[name]: value for name, value in values.items()}


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
            metric: metric_types.MetricKey(metric, model, example_weighted=example_weighted)
            for metric in (LABELLED, *JOINT_METRICS, ASSOCIATION)
        }
        computations.append(metric_types.MetricComputation(list(keys.values()), None, _JointCombiner(keys, heads)))
    return computations


class JointMetrics(metric_types.Metric):
    """What is true of all heads together.

    `exact_match`, share of rows that are right in every labelled head; `hamming_loss`, share of wrong labels;
    `label_consistency`, largest difference, over two variables of different heads, of Cramér's V between the decisions
    and between the labels, over rows labelled on both (`components.evaluator.association`); `labelled`, rows with any
    label; `association`, the pairs of heads behind `label_consistency`, packed.

    A missing label is not compared; rows without any label are not counted. A multilabel head is right when all its
    tags are, and each of its tags is a label and a variable of its own. If a score is not a number, no metric is.

    Args:
        heads: `thresholds` and `multilabel` by head, as `HeadMetrics` takes them.
        name: Not used: every value has the name of its metric.
    """

    def __init__(self, heads: Mapping[str, Mapping[str, Any]], name: str = "joint_metrics"):
        super().__init__(_computations, heads=heads, name=name)
