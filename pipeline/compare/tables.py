"""A comparison as a table for the terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from pipeline.compare.summary import GAIN_METRICS


def render(comparison: dict[str, Any]) -> Table:
    """Returns a row per cell: mean and deviation over seeds of each head's main metric, cost, and gain."""
    seeds = len(comparison["cells"][0]["seeds"])
    title = f"{comparison['task']}: test split, {seeds} training{'s' if seeds > 1 else ''} per cell"
    table = Table("cell", title=title, title_justify="left")
    shown = comparison["main_metrics"]
    gains = GAIN_METRICS if any(cell["delta_m"] for cell in comparison["cells"]) else ()
    names = [f"{head}\n{metric}" for head, metric in shown.items()]
    names += ["seconds", "epochs", "parameters", *(f"Delta_m\n{metric} %" for metric in gains)]
    for name in names:
        table.add_column(name, justify="right")
    for cell in comparison["cells"]:
        metrics = [_spread(cell["heads"][head][metric], 4) for head, metric in shown.items()]
        epochs = sum(cell["epochs"]) / seeds
        cost = [_spread(cell["seconds"], 1), f"{epochs:.1f}", f"{cell['parameters']:,}"]
        values = [(cell["delta_m"] or {}).get(metric) for metric in gains]
        table.add_row(cell["cell"], *metrics, *cost, *("-" if value is None else f"{value:+.2f}" for value in values))
    for column in table.columns:
        column.overflow = "fold"  # A log of 80 columns must not cut values off.
    return table


def _spread(values: dict[str, Any], digits: int) -> str:
    if values["mean"] is None:
        return "-"
    # On a line of its own: many heads stand side by side.
    deviation = "" if values["std"] is None else f"\n±{values['std']:.{digits}f}"
    return f"{values['mean']:.{digits}f}{deviation}"
