"""The one verdict: is the model good enough to be pushed?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.evaluator.metrics import LABELLED
from components.evaluator.results import Results, SliceKey, slice_key
from schema.gates import JOINT, LOWER_IS_BETTER, METRICS, Gate
from schema.names import slice_of

# Stands for the values of a gate on every value, where none of them could be judged.
ANY_VALUE = "*"


@dataclasses.dataclass(frozen=True)
class GateResult:
    """A gate and what became of it; a gate on every value of a column has one of these per value that decides.

    Attributes:
        gate: As in the task.
        slice: Columns and values of the rows judged; all rows if empty.
        labelled: How many of them have a label.
        value: The candidate's metric; None if no labelled row defines it.
        baseline: The baseline's metric on the same rows; None without a comparable baseline.
        reason: Why the gate does not hold, in one sentence; empty if it holds.
        note: What else to know of it, in one sentence; empty if there is nothing.
    """

    gate: Gate
    slice: Mapping[str, object]
    labelled: int
    value: float | None
    baseline: float | None
    reason: str
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the gate holds."""
        return not self.reason

    def to_dict(self) -> dict[str, Any]:
        """Returns the form of report.json; `every` are the columns of a gate on every value."""
        gate = self.gate
        return {
            "metric": gate.metric,
            "slice": dict(self.slice),
            "every": list(gate.columns) if gate.is_on_every_value else None,
            **{bound: getattr(gate, bound) for bound in ("min", "max", "max_drop")},
            "min_labelled": gate.labelled_needed,
            "labelled": self.labelled,
            "value": self.value,
            "baseline": self.baseline,
            "ok": self.ok,
            "reason": self.reason,
            "note": self.note or None,
        }


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a model may be pushed, and why not.

    Attributes:
        gates: Outcomes by head; under `joint` those over all heads together.
        refusals: Reasons that are no gate, in one sentence each.
    """

    gates: Mapping[str, Sequence[GateResult]]
    refusals: tuple[str, ...] = ()

    @property
    def blessed(self) -> bool:
        """Whether every gate holds and nothing else speaks against the model."""
        return not self.refusals and all(outcome.ok for of_owner in self.gates.values() for outcome in of_owner)


def judge(
    gates: Mapping[str, Sequence[Gate]],
    candidate: Results,
    baseline: Results | None,
    uncompared: Mapping[str, str],
    refusals: Sequence[str] = (),
) -> Verdict:
    """Returns the verdict over everything.

    Args:
        gates: By head, and under `joint`; empty for a head that goes without.
        candidate: The new model's results.
        baseline: Results of the last blessed model on the same rows, for what both have; None without one.
        uncompared: Why a head, or `joint`, is not compared with the baseline, as the end of a sentence; of whatever
            has no baseline.
        refusals: What else speaks against the model.
    """
    outcomes = {
        owner: [
            outcome
            for gate in of_owner
            for outcome in _outcomes(
                gate, candidate.of(owner), baseline.of(owner) if baseline else {}, uncompared.get(owner, "")
            )
        ]
        for owner, of_owner in gates.items()
    }
    return Verdict({JOINT: [], **outcomes}, tuple(refusals))


def canary_refusals(canary: Mapping[str, Any]) -> list[str]:
    """Returns what speaks against a model after it was loaded and asked, in one sentence each.

    Args:
        canary: Contents of canary.json.
    """
    if canary["ok"]:
        return []
    return [f"canary: {failure}" for failure in canary["failures"]] or ["canary: failed without saying why"]


def _outcomes(
    gate: Gate,
    candidate: Mapping[SliceKey, Mapping[str, float]],
    baseline: Mapping[SliceKey, Mapping[str, float]],
    uncompared: str,
) -> Iterator[GateResult]:
    """Yields what became of a gate: one outcome, or of a gate on every value one per value that may decide."""
    if not gate.is_on_every_value:
        columns = gate.slice if isinstance(gate.slice, dict) else {}
        key = slice_key(columns)
        yield _outcome(gate, columns, candidate.get(key, {}), baseline.get(key, {}), uncompared)
        return
    wanted = sorted(gate.columns)
    found = {key: metrics for key, metrics in candidate.items() if [name for name, _ in key] == wanted}
    deciding = [key for key, metrics in sorted(found.items()) if metrics.get(LABELLED, 0) >= gate.labelled_needed]
    for key in deciding:
        yield _outcome(gate, dict(key), found[key], baseline.get(key, {}), uncompared)
    if not deciding:
        most = int(max((metrics.get(LABELLED, 0) for metrics in found.values()), default=0))
        of_what = " and ".join(gate.columns)
        reason = (
            f"{gate.metric} on every value of {of_what} is undefined: no value has {gate.labelled_needed} labelled "
            f"rows (min_labelled), the most is {most}"
        )
        yield GateResult(gate, dict.fromkeys(gate.columns, ANY_VALUE), most, None, None, reason)


def _outcome(
    gate: Gate,
    columns: Mapping[str, object],
    metrics: Mapping[str, float],
    baseline_metrics: Mapping[str, float],
    uncompared: str,
) -> GateResult:
    labelled = int(metrics.get(LABELLED, 0))
    value, baseline = _number(metrics.get(gate.metric)), _number(baseline_metrics.get(gate.metric))
    where = gate.metric + (f" on {slice_of(columns)}" if columns else "")
    note = ""
    if gate.max_drop is not None and baseline is None:
        note = f"max_drop not applied: {uncompared or f'{where} is undefined for the baseline'}"
    return GateResult(gate, columns, labelled, value, baseline, _reason(gate, where, labelled, value, baseline), note)


def _reason(gate: Gate, where: str, labelled: int, value: float | None, baseline: float | None) -> str:
    """Returns why a gate does not hold; empty if it does."""
    # Nobody has looked at such rows, or at too few: that is no reason to trust the model on them.
    if not labelled:
        return f"{where} is undefined: no labelled rows"
    if labelled < gate.labelled_needed:
        return f"{where} is not known: {labelled} labelled rows, of which min_labelled wants {gate.labelled_needed}"
    if value is None:
        return f"{where} is undefined over its {labelled} labelled rows: {_why_undefined(gate.metric)}"
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
    return "; ".join(reasons)


def _why_undefined(metric: str) -> str:
    if metric in METRICS:
        return "rows of one class only, or scores that are not numbers"
    common = "no row with labels of two heads, or " if metric == "label_consistency" else ""
    return f"{common}scores that are not numbers"


def _number(value: float | None) -> float | None:
    """Returns a metric, or None for one that is no finite number: it can pass no bound, and JSON does not know it."""
    return value if value is not None and math.isfinite(value) else None
