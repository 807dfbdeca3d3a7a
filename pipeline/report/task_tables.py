"""A task as tables for the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.report.tables import named
from schema.columns import column_type, columns
from schema.contract import Contract
from schema.gates import JOINT, Gate
from schema.heads import ClassWeights
from schema.names import slice_of
from schema.part import Part


def render(contract: Contract) -> RenderableType:
    """Returns the features, heads, model and gates of a task."""
    task = contract.task
    declared = columns(contract.schema)
    features = Table("feature", "column", "type", "options", title="Features", title_justify="left")
    for name, feature in task.features.items():
        features.add_row(name, column_type(declared[name]), feature.type, _options(feature, "type"))
    heads = Table("head", "type", "classes", "depends on", title="Heads", title_justify="left")
    decisions = Table("head", "loss", "weight", "class\nweights", title="Losses and decisions", title_justify="left")
    decisions.add_column("calibration")
    decisions.add_column("threshold")
    gates = Table("head", "gates", title="Gates", title_justify="left")
    for name, head in task.heads.items():
        dependencies = ", ".join(f"{other.head} ({other.mode})" for other in head.depends_on)
        heads.add_row(name, head.type, named(contract.classes[name]), dependencies or "-")
        loss = head.loss.model_dump(mode="json", exclude_defaults=True, exclude={"weight", "class_weights"})
        decisions.add_row(
            name,
            _text({**loss, "type": head.loss.type}),
            f"{head.loss.weight:g}",
            _class_weights(head.loss.class_weights),
            head.calibration,
            f"best {head.threshold.metric}" if head.threshold else "-",
        )
        gates.add_row(name, "\n".join(map(_gate, task.gates[name])) or "none")
    if over_all := task.gates.get(JOINT):
        gates.add_row(f"all heads ({JOINT})", "\n".join(map(_gate, over_all)))
    model = Table("part", "options", title="Model", title_justify="left")
    model.add_row("trunk", _text(task.trunk.model_dump(mode="json")))
    model.add_row("training", _options(task.training))
    tables = (features, heads, decisions, model, gates)
    for column in (column for table in tables for column in table.columns):
        column.overflow = "fold"  # A log of 80 columns must not cut class names off.
    return Group(
        Text(f"{contract.folder}: {len(task.features)} features, {len(task.heads)} heads, ok", style="green"),
        *tables,
    )


def _class_weights(weights: ClassWeights) -> str:
    if isinstance(weights, dict):
        return named([f"{name} {weight:g}" for name, weight in weights.items()])
    return weights


def _gate(gate: Gate) -> str:
    bounds = [f"{key} {bound:g}" for key in ("min", "max", "max_drop") if (bound := getattr(gate, key)) is not None]
    where = f"on {slice_of(gate.slice)}" if isinstance(gate.slice, dict) else f"on every {', '.join(gate.columns)}"
    needed = f"of {gate.labelled_needed} labelled rows or more" if gate.labelled_needed > 1 else ""
    return " ".join(part for part in (gate.metric, *bounds, where if gate.columns else "", needed) if part)


def _options(part: Part, *without: str) -> str:
    given = part.model_dump(mode="json", exclude=set(without)).items()
    return ", ".join(f"{key} {_text(value)}" for key, value in given if value is not None)


def _text(value: Any) -> str:
    """Returns a value of a task; a part as its type and options: `adamw (weight_decay 0.01)`."""
    if not isinstance(value, dict):
        return f"{value:g}" if isinstance(value, float) else str(value)
    options = ", ".join(f"{key} {_text(v)}" for key, v in value.items() if key != "type" and v is not None)
    return " ".join(part for part in (value.get("type"), f"({options})" if options else "") if part)
