"""Anomalies as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.statistics import column_name

_DATASET = "the data as a whole"
_STATISTICS = ("num_stats", "string_stats", "bytes_stats")


def errors(by_split: Mapping[str, anomalies_pb2.Anomalies]) -> list[str]:
    """Returns one sentence per column and reason, of the anomalies that are errors, with the splits that show it.

    Args:
        by_split: TensorFlow Data Validation's findings per split.
    """
    return _merged(by_split, errors=True)


def warnings(by_split: Mapping[str, anomalies_pb2.Anomalies]) -> list[str]:
    """Returns the same of the anomalies that are no errors: the run goes on."""
    return _merged(by_split, errors=False)


def _merged(by_split: Mapping[str, anomalies_pb2.Anomalies], errors: bool) -> list[str]:
    splits: dict[str, list[str]] = {}
    for split, anomalies in by_split.items():
        for sentence in _sentences(anomalies, errors):
            splits.setdefault(sentence, []).append(split)
    return [f"{sentence} ({', '.join(where)})" for sentence, where in splits.items()]


def absent(
    by_split: Mapping[str, statistics_pb2.DatasetFeatureStatisticsList], columns: Iterable[str]
) -> dict[str, str]:
    """Returns a sentence for every column that a task needs and that has no value at all, by column.

    To TensorFlow Data Validation a column that is gone is an anomaly only if the schema states its presence.

    Args:
        by_split: Statistics per split.
        columns: What the task needs.
    """
    present = {
        column_name(feature)
        for statistics in by_split.values()
        for feature in statistics.datasets[0].features
        if max(getattr(feature, kind).common_stats.num_non_missing for kind in _STATISTICS) > 0
    }
    return {name: f"column '{name}': no row has a value" for name in columns if name not in present}


def _sentences(anomalies: anomalies_pb2.Anomalies, errors: bool) -> Iterator[str]:
    found = [(f"column '{name}'", info) for name, info in sorted(anomalies.anomaly_info.items())]
    if anomalies.HasField("dataset_anomaly_info"):
        found.append((_DATASET, anomalies.dataset_anomaly_info))
    for where, info in found:
        if (info.severity == anomalies_pb2.AnomalyInfo.ERROR) != errors:
            continue
        for reason in info.reason or [info]:
            yield f"{where}: {reason.short_description}: {reason.description}".rstrip(": ")
