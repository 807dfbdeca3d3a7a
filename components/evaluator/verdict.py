"""The one verdict: is the model good enough to be pushed?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.evaluator.results import Results, slice_key
from schema.names import slice_of
from schema.task import Gate

LOWER_IS_BETTER = frozenset({"log_loss", "ece"})


@dataclasses.dataclass(frozen=True)
class GateResult:
    """A gate and what became of it.

    Attributes:
        gate: As in the task.
        value: The candidate's metric; None if no labelled row defines it.
        baseline: The baseline's metric on the same rows; None without a comparable baseline.
        ok: Whether the gate holds.
        reason: Why not, in one sentence; empty if it holds.
    """

    gate: Gate
    value: float | None
    baseline: float | None
    ok: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Returns the form of report.json."""
        bounds = {bound: getattr(self.gate, bound) for bound in ("min", "max", "max_drop")}
        kept = {"value": self.value, "baseline": self.baseline, "ok": self.ok, "reason": self.reason}
        return {"metric": self.gate.metric, "slice": self.gate.slice, **bounds, **kept}


def judge(
    gates: Mapping[str, tuple[Gate, ...]], candidate: Results, baseline: Results | None
) -> dict[str, list[GateResult]]:
    """Returns the outcome of every gate by head; the model is blessed if all of them hold.

    Args:
        gates: By head; empty for a head that goes without.
        candidate: The new model's results.
        baseline: Results of the last blessed model on the same rows, for the heads that both have.
    """
    return {
        head: [
            _judge(gate, _value(candidate, head, gate), _value(baseline, head, gate) if baseline else None)
            for gate in of_head
        ]
        for head, of_head in gates.items()
    }


def blessed(outcomes: Mapping[str, list[GateResult]]) -> bool:
    """Returns whether every gate holds."""
    return all(outcome.ok for of_head in outcomes.values() for outcome in of_head)


def _value(results: Results, head: str, gate: Gate) -> float | None:
    return results.heads.get(head, {}).get(slice_key(gate.slice), {}).get(gate.metric)


def _judge(gate: Gate, value: float | None, baseline: float | None) -> GateResult:
    where = gate.metric + (f" on {slice_of(gate.slice)}" if gate.slice else "")
    if value is None:
        # Nobody has looked at these rows: that is no reason to trust the model on them.
        why = "no labelled rows, rows of one class only, or scores that are not numbers"
        return GateResult(gate, None, baseline, False, f"{where} is undefined: {why}")
    reasons = []
    if gate.min is not None and not value >= gate.min:
        reasons.append(f"{where} is {value:.4f}, below min {gate.min:g}")
    if gate.max is not None and not value <= gate.max:
        reasons.append(f"{where} is {value:.4f}, above max {gate.max:g}")
    if gate.max_drop is not None and baseline is not None:
        drop = value - baseline if gate.metric in LOWER_IS_BETTER else baseline - value
        if not drop <= gate.max_drop:
            worse = f"worse than the baseline's {baseline:.4f} by more than {gate.max_drop:g}"
            reasons.append(f"{where} is {value:.4f}, {worse}")
    return GateResult(gate, value, baseline, not reasons, "; ".join(reasons))
