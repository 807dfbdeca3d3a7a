"""From probabilities to decisions: one threshold per class or tag, chosen on `eval` for a declared metric.

A multiclass head decides for the class of the largest p_c / t_c: with two classes and t = (1 - t, t) that is "the
second class if its probability reaches t". A tag applies if its probability reaches t.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from schema.heads import Head, MultilabelHead

# Thresholds stay inside (0, 1): both sides of a division by them are defined.
_MARGIN = 1e-6


def default_thresholds(head: Head, num_classes: int) -> np.ndarray:
    """Returns what decides for the likeliest class, or for every tag above one half, float64 `(num_classes,)`."""
    return np.full(num_classes, 0.5 if isinstance(head, MultilabelHead) else 1 / num_classes)


def fit_thresholds(
    head: Head, probabilities: np.ndarray, labels: np.ndarray, mask: np.ndarray, prior: np.ndarray
) -> np.ndarray:
    """Returns the thresholds of a head, float64 `(num_classes,)` or `(num_tags,)`.

    For more than two classes `balanced_accuracy` is served best by p_c / pi_c, where pi is the class's share of the
    training rows (Menon et al. 2021, section 2), and `accuracy` by p_c alone. A tag that no labelled row has, or every
    one has, keeps one half.

    Args:
        head: Its `threshold`; without one, the defaults.
        probabilities: float `(rows, num_classes)` or `(rows, num_tags)`.
        labels: Class index `(rows,)`, or 0 or 1 per tag `(rows, num_tags)`.
        mask: 1 for labelled rows, `(rows,)`.
        prior: Class shares of the training rows, `(num_classes,)`; not used for tags.
    """
    thresholds = default_thresholds(head, probabilities.shape[1])
    if head.threshold is None:
        return thresholds
    is_labelled = mask > 0
    p, y = probabilities[is_labelled], labels[is_labelled]
    metric = head.threshold.metric
    if isinstance(head, MultilabelHead):
        return np.array([best_threshold(p[:, tag], y[:, tag], metric) for tag in range(p.shape[1])])
    if len(thresholds) == 2:
        threshold = best_threshold(p[:, 1], y, metric)
        return np.array([1 - threshold, threshold])
    return prior if metric == "balanced_accuracy" else thresholds


def best_threshold(p: np.ndarray, y: np.ndarray, metric: str) -> float:
    """Returns the threshold that makes a metric of "p reaches it" as large as possible; one half if y is constant.

    Every way to cut the rows in two is tried, and the threshold put half-way between the two rows at the cut.

    Args:
        p: Probability of the second class, `(rows,)`.
        y: 0 or 1, `(rows,)`.
        metric: As in task.yaml.
    """
    positives, negatives = int(y.sum()), int((1 - y).sum())
    if not positives or not negatives:
        return 0.5
    order = np.argsort(-p, kind="stable")
    sorted_p = p[order]
    # After row i: how many of the rows decided so far are right; a cut between equal scores is none.
    true_positives = np.concatenate([[0], np.cumsum(y[order])])
    false_positives = np.arange(len(p) + 1) - true_positives
    is_cut = np.concatenate([[True], sorted_p[:-1] > sorted_p[1:], [True]])
    values = np.where(is_cut, _METRICS[metric](true_positives, false_positives, positives, negatives), -np.inf)
    upper, lower = np.concatenate([[1.0], sorted_p]), np.concatenate([sorted_p, [0.0]])
    # Of equally good cuts the one nearest to one half: the least surprising.
    middles = (upper + lower) / 2
    best = np.flatnonzero(values == values.max())
    return float(np.clip(middles[best[np.argmin(np.abs(middles[best] - 0.5))]], _MARGIN, 1 - _MARGIN))


def _f1(right: np.ndarray, decided: np.ndarray, actual: int) -> np.ndarray:
    return 2 * right / (decided + actual)


# Each of true positives and false positives per cut, and of positives and negatives in all.
_METRICS: dict[str, Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]] = {
    "accuracy": lambda tp, fp, pos, neg: (tp + neg - fp) / (pos + neg),
    "balanced_accuracy": lambda tp, fp, pos, neg: (tp / pos + (neg - fp) / neg) / 2,
    "f1": lambda tp, fp, pos, neg: _f1(tp, tp + fp, pos),
    "macro_f1": lambda tp, fp, pos, neg: (_f1(tp, tp + fp, pos) + _f1(neg - fp, pos + neg - tp - fp, neg)) / 2,
}
