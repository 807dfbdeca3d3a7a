"""What moved, from what to what, how far it may move, and where that stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from components.data_gate.drift.bins import Bins, Categories
from components.data_gate.drift.checks import MAX_MISSING, MAX_NEW, MAX_ROWS, Check, Samples
from components.data_gate.drift.counts import median
from schema.drift import L_INFINITY, WINDOW, Watched, where_stated
from schema.names import NO_TAG

_MAX_NAMED = 5
# A category may be a text of any length.
_LONGEST = 40


@dataclasses.dataclass(frozen=True)
class Where:
    """Which spans are compared.

    Attributes:
        against: WINDOW or PREVIOUS.
        newest: Label of the newest.
        reference: Label, or first and last, of what it is compared with.
    """

    against: str
    newest: str
    reference: str


def values(where: Where, column: Watched, samples: Samples, bins: Bins, check: Check, is_stated: bool) -> str:
    """Says how the values of a column moved.

    Args:
        where: The spans.
        column: Which.
        samples: Its values.
        bins: Common to them.
        check: Of the distance.
        is_stated: Whether schema.pbtxt states the threshold.
    """
    if column.measure == L_INFINITY:
        change, measure = _largest_change(where, samples, bins), "largest difference of a share"
    else:
        what = "median length in bytes" if column.kind == "length" else "median"
        before, now = median(samples.reference), median(samples.newest)
        change = f"{what} {before:.4g} in {where.reference}, {now:.4g} in {where.newest}"
        measure = "Jensen-Shannon divergence"
    stands = where_stated(column.name, where.against)
    source = stands if is_stated else f"the default where {stands} states none"
    return f"{_name(column)}: {change}; {measure} {check.value:.3g}, {_bound(check, f'{check.limit:.3g}', source)}"


def missing(where: Where, column: Watched, samples: Samples, check: Check) -> str:
    """Says how the share of rows without a value moved."""
    before, now = f"{samples.reference.missing:.1%}", f"{samples.newest.missing:.1%}"
    bound = _bound(check, f"{check.limit:.1%}", f"as every column may, up to {MAX_MISSING:.0%}")
    return (
        f"{_name(column)}: {before} of the rows of {where.reference} have no value, {now} of {where.newest}; "
        f"difference {check.value:.1%}, {bound}"
    )


def new(where: Where, column: Watched, check: Check, named: Sequence[str]) -> str:
    """Says which categories are new."""
    more = f" and {len(named) - _MAX_NAMED} more" if len(named) > _MAX_NAMED else ""
    bound = _bound(check, f"{check.limit:.1%}", f"as every column may, up to {MAX_NEW:.0%}")
    return (
        f"{_name(column)}: {check.value:.1%} of the values of {where.newest} are new since {where.reference}: "
        f"{', '.join(map(_quoted, named[:_MAX_NAMED]))}{more}; {bound}"
    )


def rows(where: Where, newest: int, reference: float, check: Check) -> str:
    """Says how the number of rows moved."""
    times = "times as many" if newest > reference else "times as few"
    bound = _bound(check, f"{check.limit:.3g} times", f"as rows may, up to {MAX_ROWS:g} times")
    per_span = " per span" if where.against == WINDOW else ""
    change = f"{reference:,.0f}{per_span} in {where.reference}, {newest:,} in {where.newest}"
    return f"rows: {change}; {check.value:.3g} {times}, {bound}"


def note(check: Check) -> str | None:
    """Says why a distance over its threshold is none too far; None if there is nothing to say."""
    if check.moved or check.value <= check.threshold:
        return None
    return f"over the threshold, but {_reason(check)}"


def _bound(check: Check, limit: str, source: str) -> str:
    """Says what the bound is, and why: what set the threshold, or what raised it."""
    return f"at most {limit} ({source if check.limit == check.threshold else _reason(check)})"


def _reason(check: Check) -> str:
    return "spans before it differ as much" if check.usual >= check.noise else "so few rows differ as much by chance"


def _name(column: Watched) -> str:
    return f"{'head' if column.is_label else 'column'} '{column.name}'"


def _largest_change(where: Where, samples: Samples, bins: Bins) -> str:
    newest, reference = (bins.of(counts) / counts.total for counts in (samples.newest, samples.reference))
    at = int(np.argmax(np.abs(newest - reference)))
    texts = list(bins.position) if isinstance(bins, Categories) else []
    value = _quoted(texts[at]) if at < len(texts) else "all other values"
    return f"{value} from {reference[at]:.1%} in {where.reference} to {newest[at]:.1%} in {where.newest}"


def _quoted(value: str) -> str:
    return "no tag" if value == NO_TAG else f"'{value if len(value) <= _LONGEST else value[:_LONGEST] + '…'}'"
