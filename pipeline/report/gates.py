"""What became of the gates, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
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


def refusal(report: dict[str, Any]) -> str:
    """Returns why a model was not blessed, in one sentence."""
    return "; ".join(["not blessed", *refusals(report)])


def table(report: dict[str, Any]) -> Table:
    """Returns a row per gate below its head; of a gate on every value, one for all, and one for each of the worst.

    Its columns are short, so that 80 characters hold it; why a gate refuses, `sentences` say.
    """
    made = Table("gate", title="Gates", title_justify="left")
    for name in ("bound", "value", "baseline"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("verdict")
    for owner, gates in _by_owner(report):
        if gates or owner != ALL_HEADS:
            made.add_row(Text(owner, style="bold"), "", "", "", "" if gates else Text("none", style="dim"))
        for of_gate in grouped(gates):
            for row in _rows(of_gate):
                made.add_row(*row)
    return made


def sentences(report: dict[str, Any]) -> list[Text]:
    """Returns why gates refuse, of a gate on every value on the worst ones, and then what else to know of gates."""
    reasons: list[str] = []
    notes: list[str] = []
    for owner, gates in _by_owner(report):
        for of_gate in grouped(gates):
            failed = _failed(of_gate)
            reasons += [f"{owner}: {gate['reason']}" for gate in failed[:MAX_FAILED_VALUES]]
            if more := len(failed[MAX_FAILED_VALUES:]):
                reasons.append(f"{owner}: {_name(failed[0])} does not hold on {more} more")
            notes += [f"{owner}: {gate['note']}" for gate in of_gate if gate.get("note")]
    return [*(Text(reason, style="red") for reason in reasons), *map(Text, dict.fromkeys(notes))]


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


def _rows(of_gate: list[Gate]) -> Iterator[tuple[RenderableType, ...]]:
    first, failed = min(of_gate, key=goodness), _failed(of_gate)
    if not first.get("every") or (first["value"] is None and len(of_gate) == 1):
        yield _row(first, _name(first), _verdict(first))
        return
    held = Text(f"{len(of_gate) - len(failed)} of {len(of_gate)} hold", style="red" if failed else "green")
    worst = "" if failed else f", worst {slice_of(first['slice'])}"
    yield _row(first, _name(first) + worst, held)
    for gate in failed[:MAX_FAILED_VALUES]:
        yield _row(gate, slice_of(gate["slice"]), _verdict(gate), depth=2)
    if more := len(failed[MAX_FAILED_VALUES:]):
        yield _indented(f"and {more} more that do not hold", depth=2), "", "", "", ""


def _row(gate: Gate, name: str, verdict: Text, depth: int = 1) -> tuple[RenderableType, ...]:
    return _indented(name, depth), "\n".join(bounds(gate)), number(gate["value"]), number(gate["baseline"]), verdict


def _indented(text: str, depth: int) -> Padding:
    """Returns a text that keeps its distance where it is folded."""
    return Padding(Text(text), (0, 0, 0, 2 * depth))


def _name(gate: Gate) -> str:
    """Returns what a gate is about: `auc`, `auc on origin=JFK`, `auc on every origin`."""
    if gate.get("every"):
        return f"{gate['metric']} on every {', '.join(gate['every'])}"
    return f"{gate['metric']} on {slice_of(gate['slice'])}" if gate["slice"] else str(gate["metric"])


def _verdict(gate: Gate) -> Text:
    return Text("ok", style="green") if gate["ok"] else Text("refuses", style="red")


def _failed(of_gate: list[Gate]) -> list[Gate]:
    """Returns the outcomes that do not hold, the worst first."""
    return sorted((gate for gate in of_gate if not gate["ok"]), key=goodness)


def bounds(gate: Gate) -> list[str]:
    """Returns the bounds of a gate, such as `min 0.7`."""
    return [f"{key} {gate[key]:g}" for key in ("min", "max", "max_drop") if gate[key] is not None]


def goodness(gate: Gate) -> float:
    """Returns a number that grows with what is good; whatever is undefined is worst."""
    if gate["value"] is None:
        return float("-inf")
    return float(-gate["value"] if gate["metric"] in LOWER_IS_BETTER else gate["value"])
