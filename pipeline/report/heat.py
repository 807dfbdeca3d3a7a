"""Heat maps: tables of numbers with a colour each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.gates import number
from pipeline.report.parts import Cell, Row, Table
from pipeline.report.tables import MIN_LABELLED
from schema.gates import JOINT_METRICS, LOWER_IS_BETTER, METRICS
from schema.names import slice_of

# The first of these that any slice has decides which slices are the worst.
_RANKED_BY = ("auc", "accuracy", "exact_match")
# From these differences to all rows on, a colour is fainter or stronger.
STEPS = (0.01, 0.03, 0.08)
# From these shares on.
_SHARES = (0.02, 0.1, 0.25, 0.5, 0.75)


def of_slices(owner: str, slices: Sequence[Mapping[str, Any]], overall: Mapping[str, float]) -> list[Table]:
    """Returns a table per slicing, that is per set of columns, with the worst slices first.

    Slices of few labelled rows are good or bad by chance: they come last and have no colour.

    Args:
        owner: Whose metrics they are, for the captions.
        slices: `slice`, `labelled` and `metrics` of each.
        overall: The metrics over all rows.
    """
    by_columns: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for found in slices:
        by_columns.setdefault(tuple(found["slice"]), []).append(found)
    return [_of_slicing(owner, columns, of_columns, overall) for columns, of_columns in by_columns.items()]


def _of_slicing(
    owner: str, columns: tuple[str, ...], slices: Sequence[Mapping[str, Any]], overall: Mapping[str, float]
) -> Table:
    defined = {name for found in slices for name in found["metrics"]}
    metrics = [name for name in (*METRICS, *JOINT_METRICS) if name in defined]
    ranked_by = next((name for name in _RANKED_BY if name in defined), None)

    def badness(found: Mapping[str, Any]) -> tuple[bool, float]:
        value = found["metrics"].get(ranked_by)
        return found["labelled"] < MIN_LABELLED, float("inf") if value is None else value

    rows: list[Row] = [
        [
            slice_of(found["slice"]),
            f"{found['labelled']:,}" + (" (few)" if found["labelled"] < MIN_LABELLED else ""),
            *(_metric(name, found, overall) for name in metrics),
        ]
        for found in sorted(slices, key=badness)
    ]
    ranked = f", worst {ranked_by} first" if ranked_by else ""
    return Table.capped(f"{owner} by {' and '.join(columns)}{ranked}", ["slice", "labelled rows", *metrics], rows)


def _metric(name: str, found: Mapping[str, Any], overall: Mapping[str, float]) -> Cell:
    value, of_all = found["metrics"].get(name), overall.get(name)
    if value is None or of_all is None or found["labelled"] < MIN_LABELLED:
        return Cell(number(value))
    better = of_all - value if name in LOWER_IS_BETTER else value - of_all
    strength = sum(abs(better) >= step for step in STEPS)
    return Cell(number(value), f"{'good' if better > 0 else 'bad'}{strength}" if strength else "")


def share(value: float, text: str) -> Cell:
    """Returns a cell that is the darker the larger a share is."""
    strength = sum(value >= step for step in _SHARES)
    return Cell(text, f"share{strength}" if strength else "")


def of_association(pairs: Sequence[Mapping[str, Any]]) -> Table:
    """Returns how much every two heads hang together, in the labels and in the decisions.

    Args:
        pairs: `association` of report.json.
    """
    rows: list[Row] = []
    for pair in sorted(pairs, key=lambda pair: -abs(pair["predicted"] - pair["true"])):
        difference = pair["predicted"] - pair["true"]
        word = "as it is" if abs(difference) < STEPS[0] else "too much" if difference > 0 else "too little"
        strength = sum(abs(difference) >= step for step in STEPS)
        rows.append(
            [
                " and ".join(map(_variable, pair["heads"], pair.get("tags") or [None, None])),
                share(pair["true"], f"{pair['true']:.3f}"),
                share(pair["predicted"], f"{pair['predicted']:.3f}"),
                Cell(f"{difference:+.3f}, {word}", f"bad{strength}" if strength else ""),
                f"{pair['labelled']:,}",
            ]
        )
    columns = ["heads", "in the labels", "in the decisions", "difference", "labelled rows"]
    return Table.capped("How much two heads hang together (Cramér's V), largest difference first", columns, rows)


def association_matrix(pairs: Sequence[Mapping[str, Any]], heads: Sequence[str], kind: str, caption: str) -> Table:
    """Returns a table of heads by heads.

    Args:
        pairs: `association` of report.json.
        heads: Their names.
        kind: `true` or `predicted`.
        caption: Of the table.
    """
    values = {frozenset(pair["heads"]): pair[kind] for pair in pairs}

    def cell(a: str, b: str) -> Cell:
        value = values.get(frozenset((a, b)))
        return Cell("-") if a == b or value is None else share(value, f"{value:.3f}")

    return Table(caption, ["head", *heads], [[a, *(cell(a, b) for b in heads)] for a in heads])


def _variable(head: str, tag: str | None) -> str:
    return head if tag is None else f"{head} ({tag})"
