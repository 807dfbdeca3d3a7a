"""A report as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schema.names import SPLITS, slice_of
from schema.task import METRICS

WORST_SLICES = 3
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


def failed_gates(report: dict[str, Any]) -> list[str]:
    """Returns a sentence per gate that does not hold."""
    return [
        f"{head}: {gate['reason']}"
        for head, values in report["heads"].items()
        for gate in values["gates"]
        if not gate["ok"]
    ]


def _parts(report: dict[str, Any]) -> Iterator[RenderableType]:
    compared = f"compared with {report['baseline']}" if report["baseline"] else "no baseline yet: value gates only"
    yield verdict_line(report)
    yield Text(f"{report['task']}, run {report['run_id']}, {compared}")
    for make in (_heads_table, _metrics_table, _gates_table, _slices_table):
        table = make(report)
        for column in table.columns:
            column.overflow = "fold"  # A log of 80 columns must not cut names off.
        yield table
    joint = ", ".join(f"{name} {value:.4f}" for name, value in report["joint"].items())
    yield Text(f"all heads together: {joint}")


def _heads_table(report: dict[str, Any]) -> Table:
    table = Table("head", "classes", title="Labelled rows", title_justify="left")
    for split in SPLITS:
        table.add_column(split, justify="right", no_wrap=True)
    for head, values in report["heads"].items():
        table.add_row(head, ", ".join(values["classes"]), *(f"{values['labelled'][split]:,}" for split in SPLITS))
    return table


def _metrics_table(report: dict[str, Any]) -> Table:
    table = Table("head", title="Metrics on test", title_justify="left")
    for name in METRICS:
        table.add_column(name.replace("_", "\n"), justify="right", no_wrap=True)
    for head, values in report["heads"].items():
        table.add_row(head, *(number(values["overall"].get(name)) for name in METRICS))
    return table


def _gates_table(report: dict[str, Any]) -> Table:
    table = Table("head", "metric", "on", title="Gates", title_justify="left")
    for name in ("bound", "value", "baseline"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for head, values in report["heads"].items():
        for gate in values["gates"]:
            bounds = [f"{key} {gate[key]:g}" for key in ("min", "max", "max_drop") if gate[key] is not None]
            verdict = Text("ok", style="green") if gate["ok"] else Text(gate["reason"], style="red")
            table.add_row(
                head,
                gate["metric"],
                slice_of(gate["slice"]),
                "\n".join(bounds),
                number(gate["value"]),
                number(gate["baseline"]),
                verdict,
            )
        if not values["gates"]:
            table.add_row(head, "", "", "none", "", "", Text("goes without", style="dim"))
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


def number(value: float | None) -> str:
    """Returns a metric with four digits, or a dash."""
    return "-" if value is None else f"{value:.4f}"
