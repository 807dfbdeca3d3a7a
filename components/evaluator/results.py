"""TFMA's results as plain data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluator.packed import unpack
from components.evaluator.tally import ASSOCIATION, DISTRIBUTIONS
from schema.gates import JOINT

SliceKey = tuple[tuple[str, str], ...]
OVERALL: SliceKey = ()
# Beside a baseline TFMA adds the candidate's lead under names of this form.
_DIFFERENCE = "_diff"


@dataclasses.dataclass(frozen=True)
class Results:
    """Metrics of one model.

    Attributes:
        heads: By head, slice and metric; only metrics that are defined, such as no AUC for a slice of one class.
        joint: Over all heads, by slice and metric; empty for a model that lacks some of them.
        distributions: What a report draws of a head, by head; over all rows.
        association: `components.evaluator.association.pairs_of_heads` over all rows.
    """

    heads: Mapping[str, Mapping[SliceKey, Mapping[str, float]]]
    joint: Mapping[SliceKey, Mapping[str, float]]
    distributions: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    association: Sequence[Mapping[str, Any]] = ()

    def of(self, owner: str) -> Mapping[SliceKey, Mapping[str, float]]:
        """Returns the metrics that gates are about: those of a head, or of all heads together for `joint`."""
        return self.joint if owner == JOINT else self.heads.get(owner, {})


def load(folder: str, heads: tuple[str, ...], model_name: str = "") -> Results:
    """Reads what TFMA wrote for one model.

    Args:
        folder: TFMA's output.
        heads: Heads to read.
        model_name: As in the EvalConfig; empty if there is one model only.
    """
    result = tfma.load_eval_result(folder, model_name=model_name or None)
    by_head: dict[str, dict[SliceKey, dict[str, float]]] = {head: {} for head in heads}
    joint: dict[SliceKey, dict[str, float]] = {}
    distributions: dict[str, Any] = {}
    association: Sequence[Any] = ()
    for raw_key, by_output in result.slicing_metrics:
        key = slice_key(dict(raw_key))
        for head in heads:
            if head in by_output:
                by_head[head][key] = _defined(by_output[head][""])
                if key == OVERALL:
                    distributions[head] = _unpacked(by_output[head][""], DISTRIBUTIONS)
        if "" in by_output:
            joint[key] = _defined(by_output[""][""])
            if key == OVERALL:
                association = _unpacked(by_output[""][""], ASSOCIATION)
    return Results(by_head, joint, distributions, association)


def slice_key(columns: Mapping[str, object]) -> SliceKey:
    """Returns a slice as sorted (column, value) pairs; empty for the whole. Numbers are written as TFMA writes them."""
    return tuple(sorted((name, _text(value)) for name, value in columns.items()))


def _text(value: object) -> str:
    if isinstance(value, float):
        # FLOAT columns are float32: 12.3 there is 12.3000001907 here.
        value = int(value) if value.is_integer() else np.float32(value)
    return value.decode() if isinstance(value, bytes) else str(value)


def _unpacked(values: Mapping[str, Mapping[str, Any]], name: str) -> Any:
    return unpack(values[name]["bytesValue"])


def _defined(values: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    numbers = {
        name: value["doubleValue"]
        for name, value in values.items()
        if "doubleValue" in value and not name.endswith(_DIFFERENCE)
    }
    # TFMA's JSON has NaN as a string.
    return {name: float(value) for name, value in numbers.items() if not math.isnan(float(value))}
