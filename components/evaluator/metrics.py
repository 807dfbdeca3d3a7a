"""Every metric of one head, from one pass over its rows, as one TFMA metric.

TFMA's own metrics know neither ECE nor balanced accuracy, and tf_keras metrics take rows one by one. This one keeps
counts: a confusion matrix, the sum of log losses, and histograms of the scores, which add up over workers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from schema.task import METRICS

LABELLED = "labelled"
# Bins of the scores, of equal width in the logit from -16 to 16: those of rare classes are all near 0, where bins of
# equal probability would put them together.
SCORE_BINS = 10_000
_MAX_LOGIT = 16.0
ECE_BINS = 15  # Guo et al. 2017 (arXiv 1706.04599).
# Rows kept as they come before they are counted: small slices never need histograms of their own.
_BUFFERED_ROWS = 4096
_MIN_PROBABILITY = 1e-7  # Keras's epsilon: one impossible label does not make the loss infinite.


@dataclasses.dataclass
class HeadCounts:
    """What the metrics of a head need to know of its labelled rows.

    Attributes:
        confusion: Rows by true and decided class, int64 `(num_classes, num_classes)`.
        scores: Rows by class, by whether it is the true one (0 or 1), by bin of its score, int64
            `(num_classes, 2, SCORE_BINS)`.
        log_loss: Sum of -log p of the true class, nats; NaN if any probability is.
        confidence: Rows, right decisions and sum of confidences by bin of the decided class's probability, float64
            `(3, ECE_BINS)`.
    """

    confusion: np.ndarray
    scores: np.ndarray
    log_loss: float
    confidence: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, probabilities: np.ndarray) -> HeadCounts:
        """Counts rows.

        Args:
            labels: True class, int64 `(rows,)`.
            probabilities: float `(rows, num_classes)`.
        """
        num_classes = probabilities.shape[1]
        decided = probabilities.argmax(axis=1)
        confusion = np.zeros((num_classes, num_classes), np.int64)
        np.add.at(confusion, (labels, decided), 1)

        is_true = labels[:, np.newaxis] == np.arange(num_classes)
        with np.errstate(divide="ignore"):
            logits = np.log(probabilities) - np.log1p(-probabilities)
        places = (np.nan_to_num(logits) + _MAX_LOGIT) / (2 * _MAX_LOGIT) * SCORE_BINS
        bins = np.clip(places, 0, SCORE_BINS - 1).astype(np.int64)
        flat = (np.arange(num_classes) * 2 + is_true) * SCORE_BINS + bins
        scores = np.bincount(flat.ravel(), minlength=num_classes * 2 * SCORE_BINS)

        true = np.take_along_axis(probabilities, labels[:, np.newaxis], axis=1)
        confidence = probabilities.max(axis=1)
        ece_bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
        sums = (None, decided == labels, confidence)
        log_loss = -np.log(np.maximum(true, _MIN_PROBABILITY)).sum()
        return cls(
            confusion=confusion,
            scores=scores.reshape(num_classes, 2, SCORE_BINS),
            log_loss=float("nan") if np.isnan(probabilities).any() else float(log_loss),
            confidence=np.stack([np.bincount(ece_bins, weights=w, minlength=ECE_BINS).astype(float) for w in sums]),
        )

    def __add__(self, other: HeadCounts) -> HeadCounts:
        return HeadCounts(
            self.confusion + other.confusion,
            self.scores + other.scores,
            self.log_loss + other.log_loss,
            self.confidence + other.confidence,
        )


def metrics_of(counts: HeadCounts) -> dict[str, float]:
    """Returns the metrics of a head; NaN where they are not defined, such as AUC with rows of one class only.

    `accuracy`; `balanced_accuracy`, mean recall of the classes that occur; `auc`, area under the ROC curve, of the
    second class for two classes, else one-versus-rest, mean over the classes that have both positive and negative
    rows; `macro_f1`, mean F1 of the classes that occur or are decided; `log_loss` in nats; `ece`, expected calibration
    error with 15 bins of equal width (Guo et al. 2017, equation 3); `labelled`, rows. If a score is not a number, no
    metric is: an argmax of NaN must not look like a decision.
    """
    if np.isnan(counts.log_loss):
        return {LABELLED: float(counts.confusion.sum()), **dict.fromkeys(METRICS, float("nan"))}
    confusion, rows = counts.confusion.astype(float), counts.confusion.sum()
    true, decided, right = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_bin, correct, confidence = counts.confidence
        return {
            LABELLED: float(rows),
            "accuracy": float(right.sum() / rows),
            "balanced_accuracy": _mean((right / true)[true > 0]),
            "auc": _mean([area for area in _areas(counts.scores) if not np.isnan(area)]),
            "macro_f1": _mean((2 * right / (true + decided))[true + decided > 0]),
            "log_loss": float(counts.log_loss / rows),
            "ece": float(np.abs(correct - confidence).sum() / per_bin.sum()),
        }


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _areas(scores: np.ndarray) -> list[float]:
    """Returns the area under the ROC curve by class (of two: the second), by the trapezoidal rule over bins."""
    areas = []
    for negative, positive in scores[1:] if len(scores) == 2 else scores:
        above = positive.sum() - np.cumsum(positive)
        wins = (negative * (above + positive / 2)).sum()
        pairs = float(negative.sum()) * float(positive.sum())
        areas.append(wins / pairs if pairs else float("nan"))
    return areas


@dataclasses.dataclass
class _Rows:
    """An accumulator: rows not counted yet, and counts of the others."""

    labels: list[int] = dataclasses.field(default_factory=list)
    probabilities: list[np.ndarray] = dataclasses.field(default_factory=list)
    counts: HeadCounts | None = None

    def fold(self) -> None:
        """Counts the buffered rows."""
        if self.labels:
            counts = HeadCounts.of(np.array(self.labels), np.stack(self.probabilities))
            self.counts = counts if self.counts is None else self.counts + counts
            self.labels, self.probabilities = [], []


class _HeadCombiner(beam.CombineFn):
    """Adds up the rows of a slice whose mask is not 0."""

    def __init__(self, num_classes: int, keys: dict[str, metric_types.MetricKey], eval_config: Any):
        self._num_classes = num_classes
        self._keys = keys
        self._eval_config = eval_config

    def create_accumulator(self) -> _Rows:
        return _Rows()

    def add_input(self, rows: _Rows, element: metric_types.StandardMetricInputs) -> _Rows:
        key = self._keys[LABELLED]
        label, probabilities, mask = next(
            metric_util.to_label_prediction_example_weight(
                element,
                eval_config=self._eval_config,
                model_name=key.model_name,
                output_name=key.output_name,
                example_weighted=True,
                flatten=False,
                squeeze=False,
            )
        )
        if mask.item():
            rows.labels.append(int(label.item()))
            rows.probabilities.append(probabilities.reshape(-1))
            if len(rows.labels) >= _BUFFERED_ROWS:
                rows.fold()
        return rows

    def merge_accumulators(self, accumulators: Iterable[_Rows]) -> _Rows:
        merged = _Rows()
        for rows in accumulators:
            merged.labels += rows.labels
            merged.probabilities += rows.probabilities
            if rows.counts is not None:
                merged.counts = rows.counts if merged.counts is None else merged.counts + rows.counts
        if len(merged.labels) >= _BUFFERED_ROWS:
            merged.fold()
        return merged

    def extract_output(self, rows: _Rows) -> dict[metric_types.MetricKey, float]:
        rows.fold()
        empty = HeadCounts.of(np.zeros(0, np.int64), np.zeros((0, self._num_classes)))
        return {self._keys[name]: value for name, value in metrics_of(rows.counts or empty).items()}


def _computations(
    num_classes: int,
    eval_config: Any = None,
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
    example_weighted: bool = True,
    name: str | None = None,
) -> metric_types.MetricComputations:
    computations = []
    for model in model_names or [""]:
        for head in output_names or [""]:
            keys = {
                metric: metric_types.MetricKey(metric, model, head, example_weighted=example_weighted)
                for metric in (LABELLED, *METRICS)
            }
            combiner = _HeadCombiner(num_classes, keys, eval_config)
            computations.append(metric_types.MetricComputation(list(keys.values()), None, combiner))
    return computations


class HeadMetrics(metric_types.Metric):
    """All metrics of one head.

    Args:
        num_classes: Number of classes of the head.
        name: Not used: every value has the name of its metric.
    """

    def __init__(self, num_classes: int, name: str = "head_metrics"):
        super().__init__(_computations, num_classes=num_classes, name=name)
