"""What was measured of a head, and of all heads together, for the page."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report import confusion, figures, heat, judged
from pipeline.report.gates import ALL_HEADS, number
from pipeline.report.parts import Cell, Figure, Row, Table
from pipeline.report.tables import decided_from, named
from schema.gates import JOINT_METRICS, LOWER_IS_BETTER, METRICS

_UNCALIBRATED = "ece_uncalibrated"
# Smaller changes are not worth a word.
_SAME = 5e-5
# Two more tables of heads by heads than these would be too wide to read.
MAX_MATRIX_HEADS = 12


@dataclasses.dataclass(frozen=True)
class HeadView:
    """A head on the page.

    Attributes:
        name: Of the head.
        anchor: Where links lead.
        facts: What it is, in sentences.
        metrics: Against the baseline's.
        gates: None if it has none.
        ok: Whether every gate holds.
        slices: A heat map per slicing.
        confusion: None if the report has none.
        calibration: What the reliability diagram says, in words.
        reliability: None if the report has none.
        histograms: Of some classes.
        histograms_left_out: Of how many there is none.
        curves: None if the report has none.
    """

    name: str
    anchor: str
    facts: Sequence[str]
    metrics: Table
    gates: Table | None
    ok: bool
    slices: Sequence[Table]
    confusion: Table | None
    calibration: str
    reliability: Figure | None
    histograms: Sequence[Figure]
    histograms_left_out: int
    curves: Figure | None


def of_head(name: str, anchor: str, head: Mapping[str, Any], curves: Mapping[str, Any]) -> HeadView:
    """Returns a head as the page shows it.

    Args:
        name: Of the head.
        anchor: Where links lead.
        head: As report.json has it; reports of version 0.1 have less.
        curves: Values per epoch, by name.
    """
    counts, bins, scores = head.get("confusion"), head.get("reliability"), head.get("score_histogram")
    is_multilabel = head.get("type") == "multilabel"
    histograms, left_out = figures.histograms(name, scores) if scores else ([], 0)
    return HeadView(
        name,
        anchor,
        list(_facts(head, is_multilabel)),
        of_metrics(name, (*METRICS, _UNCALIBRATED), head["overall"], head.get("baseline")),
        judged.of_gates(name, head["gates"]),
        all(gate["ok"] for gate in head["gates"]),
        heat.of_slices(name, head["slices"], head["overall"]),
        _confusion(name, head["classes"], counts),
        _calibration(head["overall"]),
        figures.reliability(name, bins) if bins else None,
        histograms,
        left_out,
        of_curves(name, curves, f"{name}_loss"),
    )


def of_curves(owner: str, curves: Mapping[str, Any], loss: str) -> Figure | None:
    """Returns the losses per epoch; None if they were not kept."""
    if not curves.get(loss):
        return None
    return figures.training(owner, curves[loss], curves.get(f"val_{loss}", []))


def of_metrics(
    owner: str, names: Sequence[str], values: Mapping[str, float], baseline: Mapping[str, float] | None
) -> Table:
    """Returns a row per metric, with the baseline's and the change in words if there is one.

    Args:
        owner: For the caption.
        names: Metrics, if there are any values of them.
        values: Of the new model.
        baseline: Of the model before; None without one.
    """
    before = baseline or {}
    rows: list[Row] = []
    for name in (name for name in names if name in values or name in before):
        of_baseline, compared = before.get(name), change(name, values.get(name), before.get(name))
        rows.append([name, number(values.get(name)), *((number(of_baseline), compared) if before else ())])
    columns = ["metric", "this model", *(("baseline", "change") if before else ())]
    return Table(f"Metrics of {owner}", columns, rows)


def change(name: str, value: float | None, before: float | None) -> Cell:
    """Returns the change of a metric, with a sign and a word."""
    if value is None or before is None:
        return Cell("-")
    difference = value - before
    if abs(difference) < _SAME:
        return Cell("no change")
    is_better = (difference < 0) == (name in LOWER_IS_BETTER or name == _UNCALIBRATED)
    arrow, word = ("▲" if difference > 0 else "▼"), ("better" if is_better else "worse")
    return Cell(f"{arrow} {difference:+.4f}, {word}", "good1" if is_better else "bad1")


def overview(heads: Mapping[str, Mapping[str, Any]]) -> Table:
    """Returns a row per head with what counts most."""
    rows: list[Row] = []
    for name, head in heads.items():
        overall, baseline = head["overall"], head.get("baseline") or {}
        values = [number(overall.get(metric)) for metric in ("auc", "accuracy", "ece")]
        compared = change("auc", overall.get("auc"), baseline.get("auc"))
        rows.append([name, judged.hold(head["gates"]), *values, compared, f"{head['labelled'].get('test', 0):,}"])
    columns = ["head", "gates", "auc", "accuracy", "ece", "auc against baseline", "labelled test rows"]
    return Table("The heads of this model", columns, rows)


@dataclasses.dataclass(frozen=True)
class JointView:
    """All heads together on the page.

    Attributes:
        metrics: Against the baseline's.
        gates: None if there are none.
        slices: A heat map per slicing.
        association: How much heads hang together: two tables of heads by heads, if they are few, and one of pairs; none
            if the report does not say.
    """

    metrics: Table
    gates: Table | None
    slices: Sequence[Table]
    association: Sequence[Table]


def of_joint(report: Mapping[str, Any]) -> JointView:
    """Returns what was measured of all heads together."""
    pairs, heads = report.get("association") or [], list(report["heads"])
    matrices = [
        heat.association_matrix(pairs, heads, kind, f"Association of heads {where}")
        for kind, where in (("true", "in the labels"), ("predicted", "in the decisions"))
        if 2 < len(heads) <= MAX_MATRIX_HEADS
    ]
    return JointView(
        of_metrics(ALL_HEADS, JOINT_METRICS, report["joint"], report.get("joint_baseline")),
        judged.of_gates(ALL_HEADS, report.get("joint_gates", [])),
        heat.of_slices(ALL_HEADS, report.get("joint_slices", []), report["joint"]),
        [*matrices, heat.of_association(pairs)] if pairs else [],
    )


def _facts(head: Mapping[str, Any], is_multilabel: bool) -> list[str]:
    what = "Any number of these tags may apply to a row" if is_multilabel else "One of these classes applies to a row"
    labelled = ", ".join(f"{split} {rows:,}" for split, rows in head["labelled"].items())
    facts = [f"{what}: {named(head['classes'])}.", f"Labelled rows: {labelled}."]
    if head.get("thresholds"):
        decided = decided_from(head)
        facts.append(
            "Decided is the likeliest class." if decided == "likeliest" else f"Decided from these scores on: {decided}."
        )
    return [*facts, *([f"Not compared with the baseline: {head['note']}."] if head.get("note") else [])]


def _confusion(name: str, classes: Sequence[str], counts: Any) -> Table | None:
    if not counts:
        return None
    return confusion.of_tags(name, counts) if isinstance(counts, dict) else confusion.of_classes(name, classes, counts)


def _calibration(overall: Mapping[str, float]) -> str:
    after, before = overall.get("ece"), overall.get(_UNCALIBRATED)
    if after is None:
        return "The calibration error is not known."
    earlier = (
        f"; before calibration it was {before:.4f}, or {before:.1%} (ece_uncalibrated)" if before is not None else ""
    )
    return f"A score is off from what came true by {after:.4f}, or {after:.1%}, on average (ece){earlier}."
