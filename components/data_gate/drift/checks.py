"""What is asked of one column, and of the rows: how far it moved, and how far it may.

The newest span may differ as much as the task allows, as chance explains, or, unless schema.pbtxt states a threshold,
as the spans before it differ among each other: single days differ from many days, and a new day is always new. If days
come in no order, the newest differs most of n by chance once in n (Vovk, Gammerman and Shafer 2005, "Algorithmic
Learning in a Random World", proposition 2.3).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from components.data_gate.drift import distance
from components.data_gate.drift.bins import Bins
from components.data_gate.drift.counts import Counts
from schema.drift import JENSEN_SHANNON, PREVIOUS, WINDOW

# Share of the rows that lose, or get, a value: a tenth, as for any other value of a column.
MAX_MISSING = 0.1
# Share of the rows whose value no row before had: a model knows nothing of them.
MAX_NEW = 0.01
# Times as many rows, or as few: weekends and holidays halve a business; a delivery that is doubled or cut stands out
# from the days before it, if they do not.
MAX_ROWS = 3.0
# Distances are not exact: those of days that are all new must not differ.
_TOLERANCE = 1e-9


@dataclasses.dataclass(frozen=True)
class Check:
    """A distance and its bounds.

    Attributes:
        value: How far the newest span is from the others.
        threshold: How far it may be.
        noise: How far it would be by chance.
        usual: How far the spans before it are from each other; 0 if that does not matter.
    """

    value: float
    threshold: float
    noise: float
    usual: float = 0.0

    @property
    def limit(self) -> float:
        """The largest of the bounds."""
        return max(self.threshold, self.noise, self.usual)

    @property
    def moved(self) -> bool:
        """Whether it is too far."""
        return self.value > self.limit + _TOLERANCE

    def to_json(self) -> dict[str, Any]:
        """Returns the check as report.json has it."""
        return {"limit": self.limit, "usual": self.usual, "noise": self.noise, "moved": self.moved}


@dataclasses.dataclass(frozen=True)
class Samples:
    """A column in the spans that are compared.

    Attributes:
        against: WINDOW or PREVIOUS.
        newest: The newest span.
        reference: What it is compared with, as one.
        before: Spans before it, ascending: those of the reference, or all whose last is the reference.
    """

    against: str
    newest: Counts
    reference: Counts
    before: Sequence[Counts]


def moved_values(samples: Samples, bins: Bins, measure: str, threshold: float, is_stated: bool) -> Check:
    """Checks how far the values of a column moved.

    Args:
        samples: With values in the newest and the reference.
        bins: Common to both.
        measure: JENSEN_SHANNON or L_INFINITY.
        threshold: How far they may move.
        is_stated: Whether schema.pbtxt says so.
    """
    measured = distance.jensen_shannon if measure == JENSEN_SHANNON else distance.l_infinity
    newest, reference = bins.of(samples.newest), bins.of(samples.reference)
    filled = int(((newest + reference) > 0).sum())
    totals = samples.newest.total, samples.reference.total
    if measure == JENSEN_SHANNON:
        noise = distance.divergence_noise(filled, *totals)
    else:
        noise = distance.share_noise((newest + reference) / sum(totals), *totals, filled)
    before = [] if is_stated else [bins.of(counts) for counts in samples.before]
    usual = (measured(a, b) for a, b in pairs(samples.against, before) if a.any() and b.any())
    return Check(measured(newest, reference), threshold, noise, max(usual, default=0.0))


def moved_missing(samples: Samples) -> Check:
    """Checks how far the share of rows without a value moved."""
    newest, reference = samples.newest, samples.reference
    together = 1 - (newest.present + reference.present) / (newest.rows + reference.rows)
    before = [np.array([counts.present, counts.rows]) for counts in samples.before]
    usual = (abs(a[0] / a[1] - b[0] / b[1]) for a, b in pairs(samples.against, before))
    return Check(
        abs(newest.missing - reference.missing),
        MAX_MISSING,
        distance.share_noise(together, newest.rows, reference.rows),
        max(usual, default=0.0),
    )


def new_values(samples: Samples, bins: Bins) -> tuple[Check, list[str]] | None:
    """Checks how many rows have a category that no row of the window had; returns the categories, too.

    A category that was merely not there the day before is not new: None, as for a column of too many to know all.

    Args:
        samples: With values in the newest and the reference.
        bins: Common to both, one per category.
    """
    newest, reference = samples.newest, samples.reference
    if samples.against != WINDOW or not (newest.is_whole and reference.is_whole):
        return None
    # How much was not seen yet is about as much as was seen only once (Good 1953).
    unseen = float((reference.counts == 1).sum() / reference.total)
    noise = unseen + distance.share_noise(unseen, newest.total, reference.total)
    before = [bins.of(counts) for counts in samples.before]
    usual = (_share_of_new(a, b) for a, b in pairs(samples.against, before) if a.any())
    share = _share_of_new(bins.of(newest), bins.of(reference))
    known = set(reference.values.tolist())
    named = [value for value in newest.values.tolist() if value not in known]
    return Check(share, MAX_NEW, noise, max(usual, default=0.0)), named


def moved_rows(against: str, newest: int, reference: float, before: Sequence[int]) -> Check:
    """Checks how many times as many rows the newest span has, or as few.

    Args:
        against: WINDOW or PREVIOUS.
        newest: Rows of the newest span.
        reference: Rows of the span before it, or of the median span of the window.
        before: Rows of every span before it, as in Samples.
    """
    others = before[:-1] if against == PREVIOUS else [reference] * len(before)
    usual = (_ratio(a, b) for a, b in zip(before[len(before) - len(others) :], others, strict=True))
    return Check(_ratio(newest, reference), MAX_ROWS, distance.ratio_noise(newest, reference), max(usual, default=0.0))


def pairs(against: str, before: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the comparisons between spans that are like the one that is asked about.

    Args:
        against: WINDOW, for every span with all others together; or PREVIOUS, for every span with the one before it.
        before: What is counted in each span, in ascending order.
    """
    if against == PREVIOUS:
        yield from zip(before[1:], before, strict=False)
    elif len(before) > 1:
        together = np.sum(before, axis=0)
        yield from ((one, together - one) for one in before)


def _share_of_new(newest: np.ndarray, reference: np.ndarray) -> float:
    return float(newest[reference == 0].sum() / newest.sum())


def _ratio(a: float, b: float) -> float:
    return max(a / b, b / a)
