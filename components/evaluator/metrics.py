"""Every metric of one head, from counts that add up over parts of the rows.

TFMA's own metrics know neither ECE nor balanced accuracy, and tf_keras metrics take rows one by one. These come from a
confusion matrix, the sum of log losses, and histograms of the scores. A multilabel head is counted as what it is: one
yes-or-no question per tag.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from schema.gates import METRICS, MIN_PROBABILITY

LABELLED = "labelled"
ECE_UNCALIBRATED = "ece_uncalibrated"
# Bins of the scores, of equal width in the logit from -16 to 16: those of rare classes are all near 0, where bins of
# equal probability would put them together.
SCORE_BINS = 10_000
_MAX_LOGIT = 16.0
HISTOGRAM_EDGES = tuple(i / 20 for i in range(21))  # Of probability, for people to look at.
MAX_CONFUSION_CLASSES = 100  # Nobody reads a larger table.
ECE_BINS = 15  # Guo et al. 2017 (arXiv 1706.04599).


def decide(probabilities: np.ndarray, thresholds: Sequence[float] | np.ndarray, multilabel: bool) -> np.ndarray:
    """Returns decisions: the class with the largest p / threshold, or every tag with p >= threshold.

    They are made in float32, as the served model makes them.

    Args:
        probabilities: float `(rows, num_classes)`; of tags, each by itself.
        thresholds: By class or tag.
        multilabel: Whether they are tags.

    Returns:
        Class indices, int64 `(rows,)`; or 1 for every tag that is decided, int64 `(rows, num_tags)`.
    """
    p, limits = np.asarray(probabilities, np.float32), np.asarray(thresholds, np.float32)
    if multilabel:
        return (p >= limits).astype(np.int64)
    return (p / limits).argmax(axis=1)


@dataclasses.dataclass
class HeadCounts:
    """What the metrics of a head need to know of its labelled rows.

    A multiclass head is one question with `num_classes` answers, a multilabel head `num_tags` questions with two.

    Attributes:
        confusion: Rows by question, true and decided answer, int64 `(num_questions, num_answers, num_answers)`.
        scores: Rows by question, answer (of two: the second alone), whether it is the true one (0 or 1) and bin of its
            score, int64 `(num_questions, num_answers or 1, 2, SCORE_BINS)`.
        log_loss: Sum of -log p of the true answers, nats; NaN if any probability is.
        confidence: `reliability` of the probabilities.
        uncalibrated: The same of those that the model was trained to give; all 0 if it does not tell them.
        multilabel: Whether the questions are tags.
    """

    confusion: np.ndarray
    scores: np.ndarray
    log_loss: float
    confidence: np.ndarray
    uncalibrated: np.ndarray
    multilabel: bool

    @classmethod
    def of(
        cls,
        labels: np.ndarray,
        probabilities: np.ndarray,
        thresholds: Sequence[float] | np.ndarray,
        multilabel: bool = False,
        uncalibrated: np.ndarray | None = None,
    ) -> HeadCounts:
        """Counts rows.

        Args:
            labels: True class, int64 `(rows,)`; or 1 for every tag that applies, int64 `(rows, num_tags)`.
            probabilities: float `(rows, num_classes)`; of tags, each by itself.
            thresholds: Of decisions, by class or tag.
            multilabel: Whether they are tags.
            uncalibrated: Probabilities as the model was trained to give them, in the same form.
        """
        p = np.asarray(probabilities, np.float64)
        decided = decide(p, thresholds, multilabel)
        if multilabel:
            answers, truth = np.stack([1 - p, p], axis=-1), labels
        else:
            answers, truth, decided = p[:, np.newaxis, :], labels[:, np.newaxis], decided[:, np.newaxis]
        _, questions, size = answers.shape
        question = np.arange(questions)
        pairs = (question * size + truth) * size + decided
        true = np.take_along_axis(answers, truth[..., np.newaxis], axis=-1)
        log_loss = -np.log(np.maximum(true, MIN_PROBABILITY)).sum()
        return cls(
            confusion=np.bincount(pairs.ravel(), minlength=questions * size**2).reshape(questions, size, size),
            scores=_histograms(answers, truth),
            log_loss=float("nan") if np.isnan(p).any() else float(log_loss),
            confidence=reliability(labels, p, multilabel),
            uncalibrated=np.zeros((3, ECE_BINS))
            if uncalibrated is None
            else reliability(labels, np.asarray(uncalibrated, np.float64), multilabel),
            multilabel=multilabel,
        )

    def __add__(self, other: HeadCounts) -> HeadCounts:
        return HeadCounts(
            self.confusion + other.confusion,
            self.scores + other.scores,
            self.log_loss + other.log_loss,
            self.confidence + other.confidence,
            self.uncalibrated + other.uncalibrated,
            self.multilabel,
        )


def _histograms(answers: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns `HeadCounts.scores` of probabilities `(rows, num_questions, num_answers)`."""
    _, questions, size = answers.shape
    first = 1 if size == 2 else 0  # The scores of two answers mirror each other.
    p = answers[..., first:]
    ranked = np.arange(first, size)
    is_true = truth[..., np.newaxis] == ranked
    with np.errstate(divide="ignore"):
        logits = np.log(p) - np.log1p(-p)
    places = (np.clip(np.nan_to_num(logits), -_MAX_LOGIT, _MAX_LOGIT) + _MAX_LOGIT) / (2 * _MAX_LOGIT) * SCORE_BINS
    bins = np.minimum(places, SCORE_BINS - 1).astype(np.int64)
    histogram = np.arange(questions * len(ranked)).reshape(questions, len(ranked)) * 2 + is_true
    flat = np.bincount((histogram * SCORE_BINS + bins).ravel(), minlength=questions * len(ranked) * 2 * SCORE_BINS)
    return flat.reshape(questions, len(ranked), 2, SCORE_BINS)


def reliability(labels: np.ndarray, probabilities: np.ndarray, multilabel: bool) -> np.ndarray:
    """Returns how often scores come true, by bin of the score: [how many, true ones, sum of scores].

    A multiclass head's score is the probability of the likeliest class, whatever the thresholds decide, and it comes
    true if that class is the label (Guo et al. 2017). A multilabel head has a score per row and tag, the probability
    of the tag, and it comes true if the row has the tag.

    Args:
        labels: As in `HeadCounts.of`.
        probabilities: As in `HeadCounts.of`.
        multilabel: Whether they are of tags.

    Returns:
        float64 `(3, ECE_BINS)`.
    """
    if multilabel:
        score, happened = probabilities, labels
    else:
        score, happened = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    # Bins hold their upper edge.
    bins = np.clip(np.ceil(np.nan_to_num(score) * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1).ravel()
    weights = (None, happened.ravel(), score.ravel())
    return np.stack([np.bincount(bins, weights=w, minlength=ECE_BINS).astype(float) for w in weights])


def metrics_of(counts: HeadCounts) -> dict[str, float]:
    """Returns the metrics of a head; NaN where they are not defined, such as AUC with rows of one class only.

    Of a multiclass head: `accuracy`; `balanced_accuracy`, mean recall of the classes that occur; `auc`, area under the
    ROC curve, of the second class for two classes, else one-versus-rest, mean over the classes that have both positive
    and negative rows; `macro_f1`, mean F1 of the classes that occur or are decided; `log_loss` in nats.

    Of a multilabel head: `accuracy`, share of right (row, tag) pairs; `balanced_accuracy`, mean over the tags of the
    mean recall of having and of not having it, as far as they occur; `auc`, mean over the tags that some rows have and
    some have not; `macro_f1`, mean over the tags that occur or are decided of the F1 of having it; `log_loss`, mean
    over rows and tags, nats.

    Of both: `ece`, expected calibration error with 15 bins of equal width (Guo et al. 2017, equation 3) of the scores
    that `reliability` names: a multilabel head's over all (row, tag) pairs, of the tag's probability;
    `ece_uncalibrated`, the same of the model as it was trained; `labelled`, rows. If a score is not a number, no metric
    is: an argmax of NaN must not look like a decision.
    """
    labelled = float(counts.confusion[0].sum())
    if np.isnan(counts.log_loss):
        return {LABELLED: labelled, **dict.fromkeys((*METRICS, ECE_UNCALIBRATED), float("nan"))}
    confusion = counts.confusion.astype(float)
    true, decided = confusion.sum(axis=2), confusion.sum(axis=1)
    right, total = np.diagonal(confusion, axis1=1, axis2=2), confusion.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        # An answer that does not occur has no recall, and one that is not decided either has no F1: 0 / 0.
        recall, f1 = right / true, 2 * right / (true + decided)
        return {
            LABELLED: labelled,
            "accuracy": float(right.sum() / total),
            "balanced_accuracy": _mean([_mean(of_question) for of_question in recall]),
            "auc": _mean(_areas(counts.scores)),
            "macro_f1": _mean(f1[:, 1] if counts.multilabel else f1),
            "log_loss": float(counts.log_loss / total),
            "ece": _ece(counts.confidence),
            ECE_UNCALIBRATED: _ece(counts.uncalibrated),
        }


def distributions_of(counts: HeadCounts) -> dict[str, Any]:
    """Returns what a report draws of a head, as plain data; nothing if a score is not a number.

    `confusion`, rows by question, true and decided answer, None with more than MAX_CONFUSION_CLASSES of them;
    `reliability`, rows of `HeadCounts.confidence`; `scores`, rows by question, ranked answer, whether it is the true
    one, and bin of HISTOGRAM_EDGES.
    """
    if np.isnan(counts.log_loss):
        return {}
    # Whole bins of the logit fall into those of the probability by their middle.
    middles = ((np.arange(SCORE_BINS) + 0.5) / SCORE_BINS * 2 - 1) * _MAX_LOGIT
    firsts = np.searchsorted(1 / (1 + np.exp(-middles)), HISTOGRAM_EDGES[:-1])
    is_small = counts.confusion.shape[-1] <= MAX_CONFUSION_CLASSES
    return {
        "confusion": counts.confusion.tolist() if is_small else None,
        "reliability": counts.confidence.tolist(),
        "scores": np.add.reduceat(counts.scores, firsts, axis=-1).tolist(),
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


def _mean(values: Any) -> float:
    """Returns the mean of the values that are numbers."""
    defined = [value for value in np.ravel(values) if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _ece(confidence: np.ndarray) -> float:
    per_bin, happened, score = confidence
    return float(np.abs(happened - score).sum() / per_bin.sum())


def _areas(scores: np.ndarray) -> np.ndarray:
    """Returns the area under the ROC curve by question and answer, by the trapezoidal rule over bins."""
    negative, positive = scores[..., 0, :].astype(float), scores[..., 1, :].astype(float)
    above = positive.sum(axis=-1, keepdims=True) - np.cumsum(positive, axis=-1)
    wins = (negative * (above + positive / 2)).sum(axis=-1)
    return wins / (negative.sum(axis=-1) * positive.sum(axis=-1))
