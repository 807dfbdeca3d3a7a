"""What became of the gates, for the page."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.gates import Gate, bounds, goodness, grouped, number
from pipeline.report.parts import AT_MOST, SHOWN, Cell, Row, Table
from schema.names import slice_of


def of_gates(owner: str, gates: Sequence[Gate]) -> Table | None:
    """Returns a row per gate; of a gate on every value one for all of them, and those that do not hold below it.

    Args:
        owner: Whose gates they are, for the caption.
        gates: As report.json has them.
    """
    if not gates:
        return None
    shown: list[Row] = []
    rest: list[Row] = []
    for of_gate in grouped(list(gates)):
        first = of_gate[0]
        if not first.get("every"):
            shown.append(_row(first, slice_of(first["slice"])))
            continue
        failed = sorted((gate for gate in of_gate if not gate["ok"]), key=goodness)
        held = sorted((gate for gate in of_gate if gate["ok"]), key=goodness)
        verdict = Cell(f"{len(held)} of {len(of_gate)} hold", _shade(not failed))
        shown.append(
            [first["metric"], f"every {', '.join(first['every'])}", verdict, ", ".join(bounds(first)), "", "", ""]
        )
        rows = [_row(gate, slice_of(gate["slice"])) for gate in [*failed, *held]]
        now = min(len(failed), SHOWN)
        shown += rows[:now]
        rest += rows[now:]
    columns = ["metric", "on", "verdict", "bound", "value", "baseline", "labelled rows"]
    return Table(f"Gates of {owner}", columns, shown, rest[:AT_MOST], max(len(rest) - AT_MOST, 0))


def hold(gates: Sequence[Gate]) -> Cell:
    """Returns how many gates hold, in one cell."""
    held = sum(gate["ok"] for gate in gates)
    return Cell(f"{held} of {len(gates)} hold", _shade(held == len(gates))) if gates else Cell("no gate")


def _row(gate: Gate, on: str) -> Row:
    said = "holds" if gate["ok"] else f"refuses: {gate['reason']}"
    labelled = gate.get("labelled")
    return [
        gate["metric"],
        on,
        Cell("; ".join(filter(None, [said, gate.get("note")])), _shade(gate["ok"])),
        ", ".join(bounds(gate)),
        number(gate["value"]),
        number(gate["baseline"]),
        "-" if labelled is None else f"{labelled:,}",
    ]


def _shade(is_good: bool) -> str:
    return "good1" if is_good else "bad2"
