"""A task as tables for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schema.contract import Contract, column_type, columns
from schema.task import Part


def render(contract: Contract) -> RenderableType:
    """Returns the features and heads of a task."""
    task = contract.task
    declared = columns(contract.schema)
    features = Table("feature", "column", "type", "options", title="Features", title_justify="left")
    for name, feature in task.features.items():
        features.add_row(name, column_type(declared[name]), feature.type, _options(feature, "type"))
    heads = Table("head", "type", "classes", "loss", "depends on", "gates", title="Heads", title_justify="left")
    for name, head in task.heads.items():
        gates = [
            " ".join(
                [
                    gate.metric,
                    *(
                        f"{key} {value}"
                        for key, value in gate.model_dump(exclude_none=True).items()
                        if key != "metric" and value != {}
                    ),
                ]
            )
            for gate in task.gates[name]
        ]
        heads.add_row(
            name,
            head.type,
            ", ".join(contract.classes[name]),
            f"{head.loss.type}, {_options(head.loss, 'type')}",
            ", ".join(head.depends_on) or "-",
            "\n".join(gates) or "none",
        )
    return Group(
        Text(f"{contract.folder}: {len(task.features)} features, {len(task.heads)} heads, ok", style="green"),
        features,
        heads,
    )


def _options(part: Part, *without: str) -> str:
    return ", ".join(f"{key} {value}" for key, value in part.model_dump(mode="json", exclude=set(without)).items())
