"""Every metric of one head, from counts that add up over parts of the rows.

TFMA's own metrics know neither ECE nor balanced accuracy, and tf_keras metrics take rows one by one. These come from a
confusion matrix, the sum of log losses, and histograms of the scores. A multilabel head is counted as what it is: one
yes-or-no question per tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.evaluator.counts import MAX_LOGIT, SCORE_BINS, HeadCounts

LABELLED = "labelled"
ECE_UNCALIBRATED = "ece_uncalibrated"
HISTOGRAM_EDGES = tuple(i / 20 for i in range(21))  # Of probability, for people to look at.
MAX_CONFUSION_CLASSES = 100  # Nobody reads a larger table.


def metrics_by_group(counts: HeadCounts) -> dict[str, np.ndarray]:
    """Returns the metrics of a head, float64 `(groups,)` each.

    NaN stands where one is not defined, such as AUC with rows of one class only.

    Of a multiclass head: `accuracy`; `balanced_accuracy`, mean recall of the classes that occur; `auc`, area under the
    ROC curve, of the second class for two classes, else one-versus-rest, mean over the classes that have both positive
    and negative rows; `macro_f1`, mean F1 of the classes that occur or are decided; `log_loss` in nats.

    Of a multilabel head: `accuracy`, share of right (row, tag) pairs; `balanced_accuracy`, mean over the tags of the
    mean recall of having and of not having it, as far as they occur; `auc`, mean over the tags that some rows have and
    some have not; `macro_f1`, mean over the tags that occur or are decided of the F1 of having it; `log_loss`, mean
    over rows and tags, nats.

    Of both: `ece`, expected calibration error with 15 bins of equal width (Guo et al. 2017, equation 3) of the scores
    that `HeadCounts.confidence` is about: a multilabel head's over all (row, tag) pairs, of the tag's probability;
    `ece_uncalibrated`, the same of the model as it was trained; `labelled`, rows. If a score is not a number, no metric
    is: an argmax of NaN must not look like a decision.
    """
    true, decided, right = _margins(counts)
    total = (counts.labelled * counts.questions).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        # An answer that does not occur has no recall, and one that is not decided either has no F1: 0 / 0.
        recall, f1 = right / true, 2 * right / (true + decided)
        metrics = {
            "accuracy": right.sum(axis=(1, 2)) / total,
            "balanced_accuracy": _mean(_mean(recall)),
            "auc": _mean(_areas(counts)),
            "macro_f1": _mean(f1[..., 1] if counts.multilabel else f1[:, 0]),
            "log_loss": counts.log_loss / total,
            "ece": _ece(counts.confidence),
            ECE_UNCALIBRATED: _ece(counts.uncalibrated),
        }
    broken = np.isnan(counts.log_loss)
    return {
        LABELLED: counts.labelled.astype(float),
        **{name: np.where(broken, np.nan, values) for name, values in metrics.items()},
    }


def metrics_of(counts: HeadCounts) -> dict[str, float]:
    """Returns the metrics of a head whose rows are all in one group, as `metrics_by_group` does."""
    return {name: values.item() for name, values in metrics_by_group(counts).items()}


def distributions_of(counts: HeadCounts, group: int = 0) -> dict[str, Any]:
    """Returns what a report draws of a head, as plain data; nothing if a score is not a number.

    `confusion`, rows by question, true and decided answer, None with more than MAX_CONFUSION_CLASSES of them;
    `reliability`, rows of `HeadCounts.confidence`; `scores`, rows by question, ranked answer, whether it is the true
    one, and bin of HISTOGRAM_EDGES.
    """
    if np.isnan(counts.log_loss[group]):
        return {}
    # Whole bins of the logit fall into those of the probability by their middle.
    middles = ((np.arange(SCORE_BINS) + 0.5) / SCORE_BINS * 2 - 1) * MAX_LOGIT
    firsts = np.searchsorted(1 / (1 + np.exp(-middles)), HISTOGRAM_EDGES[:-1])
    scores = counts.scores.dense(group).reshape(counts.questions, counts.ranked, SCORE_BINS, 2).swapaxes(2, 3)
    confusion = None
    if counts.answers <= MAX_CONFUSION_CLASSES:
        confusion = counts.confusion.dense(group).reshape(counts.questions, counts.answers, counts.answers).tolist()
    return {
        "confusion": confusion,
        "reliability": counts.confidence[:, group].tolist(),
        "scores": np.add.reduceat(scores, firsts, axis=-1).tolist(),
    }


def head_metrics(
    labels: np.ndarray,
    probabilities: np.ndarray,
    mask: np.ndarray,
    thresholds: Sequence[float] | np.ndarray,
    multilabel: bool,
    uncalibrated: np.ndarray | None = None,
) -> dict[str, float]:
    """Returns the metrics of a head over rows at hand, as `metrics_of` does; the Evaluator's own, without TFMA.

    Args:
        labels: True class, int64 `(rows,)`; or 1 for every tag that applies, int64 `(rows, num_tags)`.
        probabilities: float `(rows, num_classes)`; of tags, each by itself.
        mask: `(rows,)`; rows where it is 0 have no label and do not count.
        thresholds: Of decisions, by class or tag.
        multilabel: Whether they are tags.
        uncalibrated: Probabilities as the model was trained to give them; without them `ece_uncalibrated` is NaN.
    """
    kept = np.asarray(mask) > 0
    trained = None if uncalibrated is None else uncalibrated[kept]
    return metrics_of(HeadCounts.of(labels[kept], probabilities[kept], thresholds, multilabel, trained))


def _margins(counts: HeadCounts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns rows by true answer, by decided one, and right ones; float64 `(groups, num_questions, num_answers)`."""
    shape = (len(counts.labelled), counts.questions, counts.answers)
    of_question, pair = np.divmod(counts.confusion.cells, counts.answers**2)
    true, decided = np.divmod(pair, counts.answers)
    rows = counts.confusion.counts

    def summed(answer: np.ndarray, weights: np.ndarray) -> np.ndarray:
        places = of_question * counts.answers + answer
        return np.bincount(places, weights=weights, minlength=int(np.prod(shape))).reshape(shape)

    return summed(true, rows), summed(decided, rows), summed(true, rows * (true == decided))


def _mean(values: np.ndarray) -> np.ndarray:
    """Returns the means over the last axis of the values that are numbers; NaN where none is."""
    is_number = ~np.isnan(values)
    return np.where(is_number, values, 0).sum(axis=-1) / is_number.sum(axis=-1)


def _ece(confidence: np.ndarray) -> np.ndarray:
    per_bin, happened, score = confidence
    return np.abs(happened - score).sum(axis=-1) / per_bin.sum(axis=-1)


def _areas(counts: HeadCounts) -> np.ndarray:
    """Returns the areas under the ROC curves, by the trapezoidal rule over bins, float64 `(groups, histograms)`.

    That is the share of pairs of a negative and a positive row of which the positive one has the higher score; those
    in one bin count half.
    """
    cells, rows = counts.scores.cells, counts.scores.counts
    histogram, is_positive = cells // (2 * SCORE_BINS), cells % 2 == 1
    shape = (len(counts.labelled), counts.questions * counts.ranked)
    size = shape[0] * shape[1]
    positive, negative = np.where(is_positive, rows, 0), np.where(is_positive, 0, rows)
    positives = np.bincount(histogram, weights=positive, minlength=size)
    negatives = np.bincount(histogram, weights=negative, minlength=size)
    # Cells ascend by histogram and bin, and in a bin the negative rows come first.
    below = np.cumsum(positive) - positive - (np.cumsum(positives) - positives)[histogram]
    in_bin = np.zeros_like(positive)
    in_bin[:-1] = np.where(cells[1:] == cells[:-1] + 1, positive[1:], 0)
    wins = np.bincount(histogram, weights=negative * (positives[histogram] - below - in_bin / 2), minlength=size)
    return (wins / (negatives * positives)).reshape(shape)
