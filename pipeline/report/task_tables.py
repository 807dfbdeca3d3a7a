"""A task as tables for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schema.contract import Contract, column_type, columns
from schema.heads import ClassWeights
from schema.names import slice_of
from schema.part import Part
from schema.task import Gate


def render(contract: Contract) -> RenderableType:
    """Returns the features and heads of a task."""
    task = contract.task
    declared = columns(contract.schema)
    features = Table("feature", "column", "type", "options", title="Features", title_justify="left")
    for name, feature in task.features.items():
        features.add_row(name, column_type(declared[name]), feature.type, _options(feature, "type"))
    heads = Table("head", "classes", "loss", "weight", "class\nweights", title="Heads", title_justify="left")
    heads.add_column("depends\non")
    gates = Table("head", "gates", title="Gates", title_justify="left")
    for name, head in task.heads.items():
        heads.add_row(
            name,
            ", ".join(contract.classes[name]),
            head.loss.type,
            f"{head.loss.weight:g}",
            _class_weights(head.loss.class_weights),
            ", ".join(head.depends_on) or "-",
        )
        gates.add_row(name, "\n".join(map(_gate, task.gates[name])) or "none")
    for column in (*features.columns, *heads.columns, *gates.columns):
        column.overflow = "fold"  # A log of 80 columns must not cut class names off.
    return Group(
        Text(f"{contract.folder}: {len(task.features)} features, {len(task.heads)} heads, ok", style="green"),
        features,
        heads,
        gates,
    )


def _class_weights(weights: ClassWeights) -> str:
    return ", ".join(f"{name} {weight:g}" for name, weight in weights.items()) if isinstance(weights, dict) else weights


def _gate(gate: Gate) -> str:
    bounds = [f"{key} {bound:g}" for key in ("min", "max", "max_drop") if (bound := getattr(gate, key)) is not None]
    where = [f"on {slice_of(gate.slice)}"] if gate.slice else []
    return " ".join([gate.metric, *bounds, *where])


def _options(part: Part, *without: str) -> str:
    return ", ".join(f"{key} {value}" for key, value in part.model_dump(mode="json", exclude=set(without)).items())
