"""Metrics over all heads of a row together, which TFMA does not have."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.evaluator.association import Variables, cramers_v, pairs_of_heads
from components.evaluator.counts import decide
from components.evaluator.metrics import LABELLED
from components.evaluator.sparse import SparseCounts
from components.exported import ExportedHead

# Pairs of heads that are written down, those of the largest difference first.
MAX_PAIRS = 100


@dataclasses.dataclass(frozen=True)
class JointCounts:
    """Counts of the rows that have any label, by group of rows; a slice is a group.

    Attributes:
        variables: Of the heads.
        rows: How many, int64 `(groups,)`.
        right: Rows right in every labelled head, labels, and wrong labels, float64 `(3, groups)`; NaN if any score is.
        labels: `Variables.together` of the labels.
        decisions: The same of the decisions; worth nothing where `right` is NaN.
    """

    variables: Variables
    rows: np.ndarray
    right: np.ndarray
    labels: SparseCounts
    decisions: SparseCounts

    @property
    def size(self) -> int:
        """Roughly how many numbers it holds."""
        return 2 * len(self.labels.cells) + 2 * len(self.decisions.cells) + 4 * len(self.rows)

    @classmethod
    def merged(cls, parts: Sequence[JointCounts], places: Sequence[np.ndarray], groups: int) -> JointCounts:
        """Adds counts; arguments as for `HeadCounts.merged`."""
        rows, right = np.zeros(groups, np.int64), np.zeros((3, groups))
        for part, place in zip(parts, places, strict=True):
            rows[place] += part.rows
            right[:, place] += part.right
        labels = SparseCounts.merged([part.labels for part in parts], places)
        decisions = SparseCounts.merged([part.decisions for part in parts], places)
        return cls(parts[0].variables, rows, right, labels, decisions)


@dataclasses.dataclass(frozen=True)
class JointRows:
    """Labels and decisions of all heads side by side.

    Attributes:
        variables: Of the heads.
        truth: int64 `(rows, num_variables)`.
        decided: int64 `(rows, num_variables)`.
        is_labelled: bool `(rows, num_variables)`.
        is_broken: Whether a score of a labelled head is no number, bool `(rows,)`.
    """

    variables: Variables
    truth: np.ndarray
    decided: np.ndarray
    is_labelled: np.ndarray
    is_broken: np.ndarray

    @classmethod
    def of(
        cls,
        heads: Mapping[str, ExportedHead],
        labels: Mapping[str, np.ndarray],
        probabilities: Mapping[str, np.ndarray],
        masks: Mapping[str, np.ndarray],
    ) -> JointRows:
        """Puts the heads of rows side by side.

        Args:
            heads: Of the model.
            labels: By head, as for `HeadRows.of`, of all rows.
            probabilities: By head, of all rows.
            masks: bool `(rows,)` by head.
        """
        variables = Variables.of(heads)
        has_label = np.stack([masks[name] for name in heads], axis=1)
        has_nan = np.stack([np.isnan(probabilities[name]).any(axis=1) for name in heads], axis=1)
        decided = [decide(probabilities[name], head.thresholds, head.is_multilabel) for name, head in heads.items()]
        return cls(
            variables,
            _side_by_side([labels[name] for name in heads]),
            _side_by_side(decided),
            has_label[:, variables.head],
            (has_nan & has_label).any(axis=1),
        )

    def counted(self, rows: np.ndarray, groups: np.ndarray, num_groups: int) -> JointCounts:
        """Counts rows; arguments as for `HeadRows.counted`."""
        kept = self.is_labelled[rows].any(axis=1)
        rows, groups = rows[kept], groups[kept]
        is_labelled = self.is_labelled[rows]
        is_wrong = (self.decided[rows] != self.truth[rows]) & is_labelled
        right = np.stack([~is_wrong.any(axis=1), is_labelled.sum(axis=1), is_wrong.sum(axis=1)]).astype(float)
        right[:, self.is_broken[rows]] = np.nan  # An argmax of NaN must not look like a decision.
        return JointCounts(
            self.variables,
            np.bincount(groups, minlength=num_groups),
            np.stack([np.bincount(groups, weights=of_row, minlength=num_groups) for of_row in right]),
            self.variables.together(self.truth[rows], is_labelled, groups),
            self.variables.together(self.decided[rows], is_labelled, groups),
        )


def _side_by_side(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([part if part.ndim == 2 else part[:, np.newaxis] for part in parts], axis=1)


def joint_metrics_by_group(counts: JointCounts) -> dict[str, np.ndarray]:
    """Returns what is true of all heads together, float64 `(groups,)` each; NaN where it is not defined.

    `exact_match`, share of rows that are right in every labelled head; `hamming_loss`, share of wrong labels;
    `label_consistency`, largest difference, over two variables of different heads, of Cramér's V between the decisions
    and between the labels, over rows labelled on both (`components.evaluator.association`); `labelled`, rows with any
    label.

    A missing label is not compared; rows without any label are not counted. A multilabel head is right when all its
    tags are, and each of its tags is a label and a variable of its own. If a score is not a number, no metric is.
    """
    exact, labels, wrong = counts.right
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            LABELLED: counts.rows.astype(float),
            "exact_match": exact / counts.rows,
            "hamming_loss": wrong / labels,
            "label_consistency": np.array([_inconsistency(counts, group) for group in range(len(counts.rows))]),
        }


def association_of(counts: JointCounts, group: int = 0) -> list[dict[str, Any]]:
    """Returns the pairs of heads behind `label_consistency`, as `association.pairs_of_heads` does."""
    return pairs_of_heads(counts.variables, *_tables(counts, group))[:MAX_PAIRS]


def _inconsistency(counts: JointCounts, group: int) -> float:
    labels, decisions = _tables(counts, group)
    (true, _), (predicted, _) = cramers_v(labels, counts.variables), cramers_v(decisions, counts.variables)
    heads = counts.variables.head
    differences = np.abs(predicted - true)[heads[:, np.newaxis] < heads]
    return float(np.nanmax(differences)) if not np.isnan(differences).all() else float("nan")


def _tables(counts: JointCounts, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the contingency tables of the labels and of the decisions of a group, NaN for decisions without sense."""
    size = int(counts.variables.sizes.sum())
    labels, decisions = (of.dense(group).reshape(size, size).astype(float) for of in (counts.labels, counts.decisions))
    return labels, decisions * np.nan if np.isnan(counts.right[0, group]) else decisions
