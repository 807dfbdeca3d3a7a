"""A report as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.report import drift, gates
from pipeline.report.gates import number
from schema.gates import METRICS
from schema.names import SPLITS, slice_of

WORST_SLICES = 3
# More classes than this are not all named: a head may have hundreds of tags.
MAX_NAMED = 8
_METRICS = (*METRICS, "ece_uncalibrated")
# A slice of a few rows is worst by chance: it is not shown among the worst.
MIN_LABELLED = 100


def render(report: dict[str, Any]) -> RenderableType:
    """Returns the verdict, and per head its metrics, gates and worst slices."""
    return Group(*_parts(report))


def verdict_line(report: dict[str, Any]) -> Text:
    """Returns the verdict in one line."""
    if report["blessed"]:
        where = f", pushed to {report['pushed']}" if report["pushed"] else ", not pushed"
        return Text(f"BLESSED{where}", style="bold green")
    return Text("NOT BLESSED, nothing pushed", style="bold red")


def comparison(report: dict[str, Any]) -> str:
    """Returns how the baseline was used; reports of version 0.1 do not say more than which it was."""
    compared = f"compared with {report['baseline']}" if report["baseline"] else "no baseline yet: value gates only"
    return report.get("comparison") or compared


def spans(newest: str, window: Mapping[str, Any]) -> str:
    """Returns which spans were read, in a sentence; `newest` and `window` as report.json has them."""
    several = f", window of {window['spans']} spans from {window['first']}" if window["spans"] > 1 else ""
    lacking = f", not there: {named(window['missing'])}" if window["missing"] else ""
    empty = f", without rows: {named(window['empty'])}" if window.get("empty") else ""
    return f"span {newest}{several}{lacking}{empty}"


def warm_start(began: Mapping[str, Any]) -> str:
    """Returns what a training began from, in a sentence; `began` as report.json has it under `training.warm_start`."""
    if not began["from"]:
        return f"warm start: all layers began anew, for {began['why_none']}"
    taken, fresh = began["taken"], began["fresh"]
    of = len(taken) + len(fresh)
    rows = [f"{t['layer']} ({t['rows']} of {t['of']} rows)" for t in taken if t["how"] == "rows"]
    anew = [f"{layer['layer']} ({layer['why']})" for layer in fresh]
    by_rows = f", of which by rows: {named(rows)}" if rows else ""
    began_anew = f"; began anew: {named(anew)}" if anew else ""
    return f"warm start: {len(taken)} of {of} layers began from {began['from']}{by_rows}{began_anew}"


def _parts(report: dict[str, Any]) -> Iterator[RenderableType]:
    yield verdict_line(report)
    for sentence in report.get("refusals", ()):
        yield Text(sentence, style="red")
    yield Text(f"{report['task']}, run {report['run_id']}, {comparison(report)}")
    if report.get("window"):
        yield Text(spans(report["span"], report["window"]))
    if began := (report.get("training") or {}).get("warm_start"):
        yield Text(warm_start(began))
    for line in drift.lines(report):
        yield Text(line, style="yellow")
    yield _folding(_heads_table(report))
    yield _folding(_metrics_table(report))
    yield _folding(gates.table(report))
    yield from gates.sentences(report)
    yield _folding(_slices_table(report))
    joint = ", ".join(f"{name} {value:.4f}" for name, value in report["joint"].items())
    yield Text(f"all heads together: {joint}")


def _folding(table: Table) -> Table:
    for column in table.columns:
        column.overflow = "fold"  # A log of 80 columns must not cut names off.
    return table


def _heads_table(report: dict[str, Any]) -> Table:
    table = Table("head", "classes", "threshold", title="Labelled rows", title_justify="left")
    for split in SPLITS:
        table.add_column(split, justify="right", no_wrap=True)
    for head, values in report["heads"].items():
        counts = (f"{values['labelled'][split]:,}" for split in SPLITS)
        table.add_row(head, named(values["classes"]), decided_from(values), *counts)
    return table


def named(parts: Sequence[str]) -> str:
    """Returns parts in one line, of many the first few and how many more there are."""
    more = len(parts) - MAX_NAMED
    if more <= 1:  # "and 1 more" would save nothing.
        return ", ".join(parts)
    return f"{', '.join(parts[:MAX_NAMED])} and {more} more"


def decided_from(head: Mapping[str, Any]) -> str:
    """Returns from where on a head decides for a class or tag; reports of version 0.1 do not say."""
    thresholds = head.get("thresholds")
    if thresholds is None:
        return "-"
    if len(set(thresholds.values())) == 1:
        return f"{next(iter(thresholds.values())):.3g}" if head["type"] == "multilabel" else "likeliest"
    if head["type"] == "multiclass" and len(thresholds) == 2:
        thresholds = dict([list(thresholds.items())[1]])
    return named([f"{name} {threshold:.3g}" for name, threshold in thresholds.items()])


def _metrics_table(report: dict[str, Any]) -> Table:
    table = Table("head", title="Metrics on test", title_justify="left")
    for name in _METRICS:
        # Every character counts where 80 columns hold a table.
        heading = name.replace("uncalibrated", "uncali-\nbrated").replace("_", "\n")
        table.add_column(heading, justify="right", no_wrap=True)
    for head, values in report["heads"].items():
        table.add_row(head, *(number(values["overall"].get(name)) for name in _METRICS))
    return table


def _slices_table(report: dict[str, Any]) -> Table:
    title = f"Worst slices by auc, of those with {MIN_LABELLED} labelled rows or more"
    table = Table("head", "slice", title=title, title_justify="left")
    for name in ("labelled", "auc", "accuracy", "log_loss"):
        table.add_column(name, justify="right")
    for head, values in report["heads"].items():
        known = [s for s in values["slices"] if s["labelled"] >= MIN_LABELLED and "auc" in s["metrics"]]
        for found in sorted(known, key=lambda s: s["metrics"]["auc"])[:WORST_SLICES]:
            metrics = (number(found["metrics"].get(name)) for name in ("auc", "accuracy", "log_loss"))
            table.add_row(head, slice_of(found["slice"]), f"{found['labelled']:,}", *metrics)
    return table
