"""What report.json says about the heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.evaluator.exported import ExportedHead
from components.evaluator.metrics import LABELLED
from components.evaluator.results import OVERALL, Results
from components.evaluator.verdict import GateResult


def summarize(
    exported: Mapping[str, ExportedHead],
    labelled: Mapping[str, Mapping[str, int]],
    results: Results,
    outcomes: Mapping[str, Sequence[GateResult]],
) -> dict[str, Any]:
    """Returns the `heads` and `joint` parts of report.json.

    Args:
        exported: The candidate's heads.
        labelled: Labelled rows by head and split.
        results: Of the candidate.
        outcomes: Of the gates, by head.
    """
    heads = {}
    for head, described in exported.items():
        of_head = results.heads[head]
        slices = [
            {"slice": dict(key), LABELLED: int(metrics[LABELLED]), "metrics": _without_count(metrics)}
            for key, metrics in sorted(of_head.items())
            if key != OVERALL
        ]
        heads[head] = {
            "type": described.type,
            "classes": list(described.classes),
            "thresholds": dict(zip(described.classes, described.thresholds, strict=True)),
            LABELLED: dict(labelled[head]),
            "overall": _without_count(of_head[OVERALL]),
            "slices": slices,
            "gates": [outcome.to_dict() for outcome in outcomes[head]],
        }
    return {"heads": heads, "joint": dict(results.joint)}


def labelled_rows(
    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatisticsList], heads: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Returns rows with a label by head and split, from TensorFlow Data Validation's statistics."""
    counts: dict[str, dict[str, int]] = {head: dict.fromkeys(statistics, 0) for head in heads}
    for split, of_split in statistics.items():
        for feature in of_split.datasets[0].features:
            name = feature.name or ".".join(feature.path.step)
            if name in counts:
                counts[name][split] = feature.string_stats.common_stats.num_non_missing
    return counts


def _without_count(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name != LABELLED}
