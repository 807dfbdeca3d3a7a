"""What became of the gates, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from schema.gates import LOWER_IS_BETTER
from schema.names import slice_of

ALL_HEADS = "all heads"
# A gate on every value of a column may fail on hundreds of them: the worst are shown, `multihead run` lists all.
MAX_FAILED_VALUES = 5

Gate = dict[str, Any]


def refusals(report: dict[str, Any]) -> list[str]:
    """Returns a sentence for everything that speaks against the model: gates that do not hold, and other reasons."""
    failed = [f"{owner}: {gate['reason']}" for owner, gates in _by_owner(report) for gate in gates if not gate["ok"]]
    return [*report.get("refusals", ()), *failed]


def table(report: dict[str, Any]) -> Table:
    """Returns a row per gate; of a gate on every value, one for how many hold, and one for each of the worst."""
    made = Table("head", "metric", "on", title="Gates", title_justify="left")
    for name in ("bound", "value", "baseline"):
        made.add_column(name, justify="right")
    made.add_column("verdict")
    for owner, gates in _by_owner(report):
        for of_gate in grouped(gates):
            for row in _rows(of_gate):
                made.add_row(owner, *row)
        if not gates and owner != ALL_HEADS:
            made.add_row(owner, "", "", "none", "", "", Text("goes without", style="dim"))
    return made


def number(value: float | None) -> str:
    """Returns a metric with four digits, or a dash."""
    return "-" if value is None else f"{value:.4f}"


def _by_owner(report: dict[str, Any]) -> list[tuple[str, list[Gate]]]:
    of_heads = [(head, values["gates"]) for head, values in report["heads"].items()]
    return [*of_heads, (ALL_HEADS, report.get("joint_gates", []))]


def grouped(gates: list[Gate]) -> list[list[Gate]]:
    """Returns gates with all that became of them together; reports of version 0.1 have one outcome of each."""
    groups: dict[Any, list[Gate]] = {}
    for i, gate in enumerate(gates):
        every = tuple(gate.get("every") or ())
        key = (gate["metric"], every, gate.get("min_labelled"), *bounds(gate)) if every else i
        groups.setdefault(key, []).append(gate)
    return list(groups.values())


def _rows(of_gate: list[Gate]) -> Iterator[tuple[str | Text, ...]]:
    first = of_gate[0]
    if not first.get("every"):
        yield _row(first, slice_of(first["slice"]), _verdict(first))
        return
    of_gate = sorted(of_gate, key=goodness)
    failed = [gate for gate in of_gate if not gate["ok"]]
    held, on = len(of_gate) - len(failed), f"every {', '.join(first['every'])}"
    if failed and failed[0]["value"] is None and len(of_gate) == 1:
        yield _row(failed[0], on, _verdict(failed[0]))
        return
    said = f"{held} of {len(of_gate)} hold, the worst: {slice_of(of_gate[0]['slice'])}"
    notes = sorted({gate["note"] for gate in of_gate if gate["note"]})
    summary = Text("\n".join([said, *notes[:1]]), style="red" if failed else "green")
    yield _row(of_gate[0], on, summary)
    for gate in failed[:MAX_FAILED_VALUES]:
        yield _row(gate, slice_of(gate["slice"]), _verdict(gate))
    if len(failed) > MAX_FAILED_VALUES:
        more = Text(f"and {len(failed) - MAX_FAILED_VALUES} more that do not hold", style="red")
        yield first["metric"], "", "", "", "", more


def _row(gate: Gate, on: str, verdict: Text) -> tuple[str | Text, ...]:
    return gate["metric"], on, "\n".join(bounds(gate)), number(gate["value"]), number(gate["baseline"]), verdict


def _verdict(gate: Gate) -> Text:
    if not gate["ok"]:
        return Text(gate["reason"], style="red")
    return Text("\n".join(filter(None, ["ok", gate.get("note")])), style="green")


def bounds(gate: Gate) -> list[str]:
    """Returns the bounds of a gate, such as `min 0.7`."""
    return [f"{key} {gate[key]:g}" for key in ("min", "max", "max_drop") if gate[key] is not None]


def goodness(gate: Gate) -> float:
    """Returns a number that grows with what is good; whatever is undefined is worst."""
    if gate["value"] is None:
        return float("-inf")
    return float(-gate["value"] if gate["metric"] in LOWER_IS_BETTER else gate["value"])
