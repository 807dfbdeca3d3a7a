"""What the metrics of one head need to know of rows: counts that add up over parts of them, by slice."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from components.evaluator.sparse import SparseCounts
from schema.gates import MIN_PROBABILITY

# Bins of the scores, of equal width in the logit from -16 to 16: those of rare classes are all near 0, where bins of
# equal probability would put them together.
SCORE_BINS = 10_000
MAX_LOGIT = 16.0
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


@dataclasses.dataclass(frozen=True)
class HeadCounts:
    """Counts of the labelled rows of a head, by group of rows; a slice is a group.

    A multiclass head is one question with `num_classes` answers, a multilabel head `num_tags` questions with two.

    Attributes:
        multilabel: Whether the questions are tags.
        questions: How many.
        answers: To each.
        labelled: Rows by group, int64 `(groups,)`.
        confusion: By question, true and decided answer.
        scores: By question, ranked answer (of two the second alone), bin of its score, and whether it is the true one.
        log_loss: Sum of -log p of the true answers, nats, float64 `(groups,)`; NaN if any probability is.
        confidence: `reliability` of the probabilities, float64 `(3, groups, ECE_BINS)`.
        uncalibrated: The same of those that the model was trained to give; all 0 if it does not tell them.
    """

    multilabel: bool
    questions: int
    answers: int
    labelled: np.ndarray
    confusion: SparseCounts
    scores: SparseCounts
    log_loss: np.ndarray
    confidence: np.ndarray
    uncalibrated: np.ndarray

    @classmethod
    def of(
        cls,
        labels: np.ndarray,
        probabilities: np.ndarray,
        thresholds: Sequence[float] | np.ndarray,
        multilabel: bool = False,
        uncalibrated: np.ndarray | None = None,
    ) -> HeadCounts:
        """Counts rows as one group; arguments as for `HeadRows.of`."""
        rows = HeadRows.of(labels, probabilities, thresholds, multilabel, uncalibrated)
        everything = np.arange(len(labels))
        return rows.counted(everything, np.zeros_like(everything), 1)

    @property
    def ranked(self) -> int:
        """How many answers have a histogram: the scores of two mirror each other."""
        return self.answers if self.answers > 2 else 1

    @property
    def size(self) -> int:
        """Roughly how many numbers it holds."""
        return 2 * len(self.confusion.cells) + 2 * len(self.scores.cells) + (2 + 6 * ECE_BINS) * len(self.labelled)

    def __add__(self, other: HeadCounts) -> HeadCounts:
        same = np.arange(len(self.labelled))
        return HeadCounts.merged([self, other], [same, same], len(same))

    @classmethod
    def merged(cls, parts: Sequence[HeadCounts], places: Sequence[np.ndarray], groups: int) -> HeadCounts:
        """Adds counts of a head.

        Args:
            parts: At least one.
            places: What the groups of each part are called in the sum, int64 `(groups of the part,)`.
            groups: How many the sum has.
        """
        first = parts[0]
        total = dataclasses.replace(
            first,
            confusion=SparseCounts.merged([part.confusion for part in parts], places),
            scores=SparseCounts.merged([part.scores for part in parts], places),
            labelled=np.zeros(groups, np.int64),
            log_loss=np.zeros(groups),
            confidence=np.zeros((3, groups, ECE_BINS)),
            uncalibrated=np.zeros((3, groups, ECE_BINS)),
        )
        for part, place in zip(parts, places, strict=True):
            total.labelled[place] += part.labelled
            total.log_loss[place] += part.log_loss
            total.confidence[:, place] += part.confidence
            total.uncalibrated[:, place] += part.uncalibrated
        return total


@dataclasses.dataclass(frozen=True)
class HeadRows:
    """Where rows of a head are counted: worked out once, however many slices they are in.

    Attributes:
        multilabel: As in `HeadCounts`.
        answers: As in `HeadCounts`.
        confusion: Cell by question, int64 `(rows, num_questions)`.
        scores: Cell by question and ranked answer, int64 `(rows, num_questions, ranked)`.
        log_loss: float64 `(rows,)`.
        confidence: What `_scored` returns.
        uncalibrated: The same, or None.
    """

    multilabel: bool
    answers: int
    confusion: np.ndarray
    scores: np.ndarray
    log_loss: np.ndarray
    confidence: tuple[np.ndarray, ...]
    uncalibrated: tuple[np.ndarray, ...] | None

    @classmethod
    def of(
        cls,
        labels: np.ndarray,
        probabilities: np.ndarray,
        thresholds: Sequence[float] | np.ndarray,
        multilabel: bool,
        uncalibrated: np.ndarray | None,
    ) -> HeadRows:
        """Works out where labelled rows are counted.

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
        true = np.take_along_axis(answers, truth[..., np.newaxis], axis=-1)
        log_loss = -np.log(np.maximum(true, MIN_PROBABILITY)).sum(axis=(1, 2))
        return cls(
            multilabel,
            size,
            confusion=(np.arange(questions) * size + truth) * size + decided,
            scores=_places(answers, truth),
            log_loss=np.where(np.isnan(p).any(axis=1), np.nan, log_loss),
            confidence=_scored(labels, p, multilabel),
            uncalibrated=None
            if uncalibrated is None
            else _scored(labels, np.asarray(uncalibrated, np.float64), multilabel),
        )

    def counted(self, rows: np.ndarray, groups: np.ndarray, num_groups: int) -> HeadCounts:
        """Counts rows.

        Args:
            rows: Which ones, int64 `(entries,)`; one that is in several groups is there several times.
            groups: The group of each, int64 `(entries,)`.
            num_groups: How many groups there are.
        """
        _, questions, ranked = self.scores.shape
        empty = np.zeros((3, num_groups, ECE_BINS))
        return HeadCounts(
            self.multilabel,
            questions,
            self.answers,
            labelled=np.bincount(groups, minlength=num_groups),
            confusion=SparseCounts.of(questions * self.answers**2, groups, self.confusion[rows]),
            scores=SparseCounts.of(questions * ranked * SCORE_BINS * 2, groups, self.scores[rows]),
            log_loss=np.bincount(groups, weights=self.log_loss[rows], minlength=num_groups),
            confidence=_reliability(self.confidence, rows, groups, num_groups),
            uncalibrated=empty
            if self.uncalibrated is None
            else _reliability(self.uncalibrated, rows, groups, num_groups),
        )


def _places(answers: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns `HeadRows.scores` of probabilities `(rows, num_questions, num_answers)`."""
    _, questions, size = answers.shape
    first = 1 if size == 2 else 0
    p = answers[..., first:]
    ranked = np.arange(first, size)
    is_true = truth[..., np.newaxis] == ranked
    with np.errstate(divide="ignore"):
        logits = np.log(p) - np.log1p(-p)
    places = (np.clip(np.nan_to_num(logits), -MAX_LOGIT, MAX_LOGIT) + MAX_LOGIT) / (2 * MAX_LOGIT) * SCORE_BINS
    bins = np.minimum(places, SCORE_BINS - 1).astype(np.int64)
    histogram = np.arange(questions * len(ranked)).reshape(questions, len(ranked))
    return (histogram * SCORE_BINS + bins) * 2 + is_true


def _scored(labels: np.ndarray, probabilities: np.ndarray, multilabel: bool) -> tuple[np.ndarray, ...]:
    """Returns bins of scores, whether each came true, and the scores; `(rows, scores of a row)` each.

    A multiclass head's score is the probability of the likeliest class, whatever the thresholds decide, and it comes
    true if that class is the label (Guo et al. 2017). A multilabel head has a score per row and tag, the probability
    of the tag, and it comes true if the row has the tag.
    """
    if multilabel:
        score, happened = probabilities, labels
    else:
        likeliest = probabilities.argmax(axis=1)
        score, happened = probabilities.max(axis=1)[:, np.newaxis], (likeliest == labels)[:, np.newaxis]
    # Bins hold their upper edge.
    bins = np.clip(np.ceil(np.nan_to_num(score) * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    return bins, happened, score


def _reliability(scored: tuple[np.ndarray, ...], rows: np.ndarray, groups: np.ndarray, num_groups: int) -> np.ndarray:
    """Returns how often scores come true, by group and bin of the score: [how many, true ones, sum of scores].

    Args:
        scored: What `_scored` returns.
        rows: As in `HeadRows.counted`.
        groups: As in `HeadRows.counted`.
        num_groups: As in `HeadRows.counted`.

    Returns:
        float64 `(3, num_groups, ECE_BINS)`.
    """
    bins, happened, score = (part[rows] for part in scored)
    places = (groups[:, np.newaxis] * ECE_BINS + bins).ravel()
    weights = (None, happened.ravel(), score.ravel())
    counted = [np.bincount(places, weights=w, minlength=num_groups * ECE_BINS) for w in weights]
    return np.stack(counted).astype(float).reshape(3, num_groups, ECE_BINS)
