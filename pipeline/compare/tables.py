"""A comparison as tables for the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.compare.summary import GAIN_METRICS


def render(comparison: dict[str, Any]) -> RenderableType:
    """Returns a row per cell: mean and deviation over seeds of each head's main metric, gain, and cost."""
    cells, shown = comparison["cells"], comparison["main_metrics"]
    seeds = len(cells[0]["seeds"])
    gains = GAIN_METRICS if any(cell["delta_m"] for cell in cells) else ()
    quality = _table(
        "Metrics on test",
        cells,
        [*(f"{head}\n{metric}" for head, metric in shown.items()), *(f"Delta_m\n{metric}" for metric in gains)],
        [
            [
                *(_spread(cell["heads"][head][metric], 4) for head, metric in shown.items()),
                *(_percent((cell["delta_m"] or {}).get(metric)) for metric in gains),
            ]
            for cell in cells
        ],
    )
    cost = _table(
        "Cost of a training",
        cells,
        ["seconds", "epochs", "parameters"],
        [
            [_spread(cell["seconds"], 1), f"{sum(cell['epochs']) / seeds:.1f}", f"{cell['parameters']:,}"]
            for cell in cells
        ],
    )
    title = f"{comparison['task']}: {seeds} training{'s' if seeds > 1 else ''} per cell"
    return Group(Text(title), quality, cost)


def _table(title: str, cells: list[dict[str, Any]], columns: list[str], rows: list[list[str]]) -> Table:
    """Returns a table whose first columns are the keys in which the cells differ; all keys of a single cell."""
    table = Table(title=title, title_justify="left")
    keys = [key for key in cells[0]["set"] if len(cells) == 1 or len({cell["set"][key] for cell in cells}) > 1]
    for key in keys:
        table.add_column(key.replace(".", ".\n"))
    for name in columns:
        table.add_column(name, justify="right")
    for cell, row in zip(cells, rows, strict=True):
        table.add_row(*(cell["set"][key] for key in keys), *row)
    for column in table.columns:
        column.overflow = "fold"  # A log of 80 columns must not cut values off.
    return table


def _spread(values: dict[str, Any], digits: int) -> str:
    if values["mean"] is None:
        return "-"
    # On a line of its own: many heads stand side by side.
    deviation = "" if values["std"] is None else f"\n±{values['std']:.{digits}f}"
    return f"{values['mean']:.{digits}f}{deviation}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f} %"
