"""What report.json says about the verdict and the heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.evaluator import drawings
from components.evaluator.comparison import NO_BASELINE
from components.evaluator.metrics import LABELLED
from components.evaluator.results import OVERALL, Results, SliceKey
from components.evaluator.verdict import Verdict
from components.exported import ExportedHead
from components.statistics import column_name
from schema.gates import JOINT


def summarize(
    exported: Mapping[str, ExportedHead],
    labelled: Mapping[str, Mapping[str, int]],
    candidate: Results,
    baseline: Results | None,
    found: Verdict,
    uncompared: Mapping[str, str],
) -> dict[str, Any]:
    """Returns what report.json says of the verdict, the heads and all of them together.

    Args:
        exported: The candidate's heads.
        labelled: Labelled rows by head and split.
        candidate: Its results.
        baseline: Those of the baseline, for what both have; None without one.
        found: The verdict.
        uncompared: Why a head, or `joint`, has no baseline.
    """
    heads = {}
    for head, described in exported.items():
        of_head = candidate.heads[head]
        heads[head] = {
            "type": described.type,
            "classes": list(described.classes),
            "thresholds": dict(zip(described.classes, described.thresholds, strict=True)),
            LABELLED: dict(labelled[head]),
            "overall": _without_count(of_head.get(OVERALL, {})),
            "baseline": _overall_of(baseline, head),
            # That there is no baseline at all is said once, for all heads.
            "note": None if uncompared.get(head) == NO_BASELINE else uncompared.get(head),
            "slices": _slices(of_head),
            "gates": [outcome.to_dict() for outcome in found.gates[head]],
            **drawings.of_head(described, candidate.distributions.get(head, {})),
        }
    return {
        "blessed": found.blessed,
        "refusals": list(found.refusals),
        "heads": heads,
        JOINT: _without_count(candidate.joint.get(OVERALL, {})),
        "joint_slices": _slices(candidate.joint),
        "joint_gates": [outcome.to_dict() for outcome in found.gates[JOINT]],
        "joint_baseline": _overall_of(baseline, JOINT),
        "association": drawings.association(exported, candidate.association),
    }


def _slices(by_slice: Mapping[SliceKey, Mapping[str, float]]) -> list[dict[str, Any]]:
    return [
        {"slice": dict(key), LABELLED: int(metrics[LABELLED]), "metrics": _without_count(metrics)}
        for key, metrics in sorted(by_slice.items())
        if key != OVERALL
    ]


def _overall_of(results: Results | None, owner: str) -> dict[str, float] | None:
    """Returns the metrics of a model without those of a slice; None if it has none of this head."""
    metrics = results.of(owner).get(OVERALL) if results else None
    return None if metrics is None else _without_count(metrics)


def labelled_rows(
    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatisticsList], heads: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Returns rows with a label by head and split, from TensorFlow Data Validation's statistics."""
    counts: dict[str, dict[str, int]] = {head: dict.fromkeys(statistics, 0) for head in heads}
    for split, of_split in statistics.items():
        for feature in of_split.datasets[0].features:
            name = column_name(feature)
            if name in counts:
                counts[name][split] = feature.string_stats.common_stats.num_non_missing
    return counts


def _without_count(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name != LABELLED}
