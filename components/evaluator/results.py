"""TFMA's results as plain data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import tensorflow_model_analysis as tfma

SliceKey = tuple[tuple[str, str], ...]
OVERALL: SliceKey = ()
# Beside a baseline TFMA adds the candidate's lead under names of this form.
_DIFFERENCE = "_diff"


@dataclasses.dataclass(frozen=True)
class Results:
    """Metrics of one model.

    Attributes:
        heads: By head, slice and metric; only metrics that are defined, such as no AUC for a slice of one class.
        joint: Over all heads, by metric.
    """

    heads: Mapping[str, Mapping[SliceKey, Mapping[str, float]]]
    joint: Mapping[str, float]


def load(folder: str, heads: tuple[str, ...], model_name: str = "") -> Results:
    """Reads what TFMA wrote for one model.

    Args:
        folder: TFMA's output.
        heads: Heads to read.
        model_name: As in the EvalConfig; empty if there is one model only.
    """
    result = tfma.load_eval_result(folder, model_name=model_name or None)
    by_head: dict[str, dict[SliceKey, dict[str, float]]] = {head: {} for head in heads}
    joint: dict[str, float] = {}
    for raw_key, by_output in result.slicing_metrics:
        key = slice_key(dict(raw_key))
        for head in heads:
            if head in by_output:
                by_head[head][key] = _defined(by_output[head][""])
        if key == OVERALL and "" in by_output:
            joint = _defined(by_output[""][""])
    return Results(by_head, joint)


def slice_key(columns: Mapping[str, object]) -> SliceKey:
    """Returns a slice as sorted (column, value) pairs; empty for the whole. Numbers are written as TFMA writes them."""
    return tuple(sorted((name, _text(value)) for name, value in columns.items()))


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value.decode() if isinstance(value, bytes) else str(value)


def _defined(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    numbers = {
        name: value["doubleValue"]
        for name, value in values.items()
        if "doubleValue" in value and not name.endswith(_DIFFERENCE)
    }
    # TFMA's JSON has NaN as a string.
    return {name: float(value) for name, value in numbers.items() if not math.isnan(float(value))}
