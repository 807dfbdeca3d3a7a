"""What moved since the spans before, for the page: sentences, distances, and histograms of both sides."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report import charts
from pipeline.report.parts import Cell, Figure, Row, Table
from schema.drift import L_INFINITY, WINDOW

# Of the columns that moved, those that moved most are drawn.
_MAX_DRAWN = 6
_MEASURES = {L_INFINITY: "largest difference of a share"}


@dataclasses.dataclass(frozen=True)
class ComparisonView:
    """One comparison.

    Attributes:
        heading: What the newest span is compared with.
        rows: How many rows there are, in a sentence.
        table: A row per column.
        figures: Of the columns that moved.
        not_drawn: How many moved and have no figure.
    """

    heading: str
    rows: str
    table: Table
    figures: Sequence[Figure]
    not_drawn: int


@dataclasses.dataclass(frozen=True)
class DriftView:
    """Drift on the page.

    Attributes:
        findings: Sentences.
        comparisons: With the training window and with the span before.
    """

    findings: Sequence[str]
    comparisons: Sequence[ComparisonView]


def of_drift(drift: Mapping[str, Any] | None, newest: str | None) -> DriftView | None:
    """Returns drift as the page shows it; None if it was not measured.

    Args:
        drift: `data.drift` of report.json.
        newest: Label of the newest span.
    """
    if not drift:
        return None
    return DriftView(drift["findings"], [_comparison(found, newest or "newest span") for found in drift["compared"]])


def _comparison(found: Mapping[str, Any], newest: str) -> ComparisonView:
    what = "the training window" if found["with"] == WINDOW else "the span before"
    heading = f"Against {what}, {found['span']}"
    columns = sorted([*found["labels"], *found["features"]], key=lambda c: (not c["moved"], -_times_over(c)))
    moved = [column for column in columns if column["moved"] and column["newest"]]
    labels = {column["name"] for column in found["labels"]}
    rows = found["rows"]
    per_span = " per span" if found["with"] == WINDOW else ""
    return ComparisonView(
        heading,
        f"{rows['newest']:,} rows now, {rows['reference']:,.0f} before{per_span}: "
        f"{rows['ratio']:.2f} times as {'many' if rows['newest'] >= rows['reference'] else 'few'}, "
        f"at most {rows['limit']:.3g} times.",
        Table.capped(
            f"{heading}: distance of every column",
            ["column", "verdict", "distance", "at most", "measured as", "missing before", "missing now", "new values"],
            [_row(column, column["name"] in labels) for column in columns],
        ),
        [_figure(column, newest, found["span"], heading) for column in moved[:_MAX_DRAWN]],
        max(len(moved) - _MAX_DRAWN, 0),
    )


def _times_over(column: Mapping[str, Any]) -> float:
    """Returns how far a column moved, relative to how far it may."""
    return (column["distance"] or 0.0) / column["limit"] if column["limit"] else float(column["distance"] or 0.0)


def _row(column: Mapping[str, Any], is_label: bool) -> Row:
    distance, missing, new = column["distance"], column["missing"], column["new"]
    verdict = "moved" if column["moved"] else column["note"] or "as before"
    return [
        f"{column['name']} (label)" if is_label else column["name"],
        Cell(verdict, "bad2" if column["moved"] else ""),
        "-" if distance is None else f"{distance:.3f}",
        f"{column['limit']:.3f}",
        _MEASURES.get(column["measure"], "Jensen-Shannon divergence"),
        f"{missing['reference']:.1%}",
        Cell(f"{missing['newest']:.1%}", "bad2" if missing["moved"] else ""),
        Cell(f"{new['share']:.1%}", "bad2" if new["moved"] else "") if new else "-",
    ]


def _figure(column: Mapping[str, Any], newest: str, reference: str, heading: str) -> Figure:
    now, before = column["newest"], column["reference"]
    counts = [[*of["counts"], *([of["others"]] if of.get("others") is not None else [])] for of in (now, before)]
    names = _bins(now)
    shares = [[count / sum(of) for count in of] for of in counts]
    rows: list[Row] = [
        [name, f"{of_now:.1%}", f"{of_before:.1%}"] for name, of_now, of_before in zip(names, *shares, strict=True)
    ]
    caption = f"{column['name']}: {newest} and {reference}"
    return Figure(
        charts.shift(shares[0], shares[1], f"{heading}: histograms of {column['name']}"),
        f"{caption}. Bars stand in the order of the numbers below.",
        Table(f"{caption}, in numbers", ["value", newest, reference], rows),
    )


def _bins(histogram: Mapping[str, Any]) -> list[str]:
    if "values" in histogram:
        return [*map(str, histogram["values"]), "all others"]
    edges = [f"{edge:.4g}" for edge in histogram["edges"]]
    return [low if low == high else f"{low} to {high}" for low, high in itertools.pairwise(edges)]
