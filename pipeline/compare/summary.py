"""What the trainings of a grid say together: means, deviations, and gains over independent trunks."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from pipeline.compare.grid import Cell
from schema.contract import Contract

# Higher is better for both, as Delta_m wants it.
GAIN_METRICS = ("auc", "accuracy")
# From here on the table shows the accuracy: the auc of many classes, each against all others, is near 1 for any model.
MANY_CLASSES = 5
_TRUNK = ("trunk", "trunk.type")

Result = dict[str, Any]


def main_metrics(contract: Contract) -> dict[str, str]:
    """Returns the metric by which a table shows each head: `auc`, or `accuracy` of many classes."""
    return {
        name: "accuracy" if head.type == "multiclass" and len(contract.classes[name]) >= MANY_CLASSES else "auc"
        for name, head in contract.task.heads.items()
    }


def summarise(cells: Sequence[Cell], results: Sequence[Sequence[Result]]) -> list[dict[str, Any]]:
    """Returns the entries of the cells in the comparison's JSON.

    Args:
        cells: The grid.
        results: What came out of each cell's trainings, as `pipeline.compare.training` gives it, a seed each.
    """
    entries = []
    for cell, found in zip(cells, results, strict=True):
        heads = {
            head: {metric: spread([result["heads"][head][metric] for result in found]) for metric in metrics}
            for head, metrics in found[0]["heads"].items()
        }
        first_seed = cell.contract.task.training.seed
        entries.append(
            {
                "cell": cell.label,
                "set": dict(cell.overrides),
                "seeds": [first_seed + number for number in range(len(found))],
                "heads": heads,
                "seconds": spread([result["seconds"] for result in found]),
                "parameters": found[0]["parameters"],
                "epochs": [result["epochs"] for result in found],
            }
        )
    for i, entry in enumerate(entries):
        reference = _reference(cells, i)
        entry["delta_m"] = None if reference is None else _gains(entry["heads"], entries[reference]["heads"])
    return entries


def spread(values: Sequence[float | None]) -> dict[str, Any]:
    """Returns mean, standard deviation of the sample (none of one value) and the values; none where one is missing."""
    known = [value for value in values if value is not None]
    is_whole = len(known) == len(values)
    return {
        "mean": statistics.fmean(known) if is_whole else None,
        "std": statistics.stdev(known) if is_whole and len(known) > 1 else None,
        "values": list(values),
    }


def delta_m(multi: Sequence[float | None], single: Sequence[float | None]) -> float | None:
    """Returns the mean over heads of (M_multi - M_single) / M_single, percent (Maninis 2019, equation 4).

    Args:
        multi: Means of a metric by head, higher is better.
        single: The same with a trunk per head.
    """
    pairs = [(m, s) for m, s in zip(multi, single, strict=True) if m is not None and s]
    return 100 * statistics.fmean((m - s) / s for m, s in pairs) if len(pairs) == len(multi) else None


def _reference(cells: Sequence[Cell], index: int) -> int | None:
    """Returns which cell has independent trunks and is otherwise as the given one."""
    for i, other in enumerate(cells):
        is_independent = other.contract.task.trunk.type == "independent"
        if is_independent and _without_trunk(other) == _without_trunk(cells[index]):
            return i
    return None


def _without_trunk(cell: Cell) -> dict[str, str]:
    return {key: value for key, value in cell.overrides.items() if key not in _TRUNK}


def _gains(heads: dict[str, Any], reference: dict[str, Any]) -> dict[str, float | None]:
    return {
        metric: delta_m(*([values[metric]["mean"] for values in of.values()] for of in (heads, reference)))
        for metric in GAIN_METRICS
    }
