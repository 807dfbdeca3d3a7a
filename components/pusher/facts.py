"""What a model card says of the data, from StatisticsGen's statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.statistics import column_name

_Statistics = Mapping[str, statistics_pb2.DatasetFeatureStatisticsList]


def rows(statistics: _Statistics) -> dict[str, int]:
    """Returns the number of rows by split."""
    return {split: int(of_split.datasets[0].num_examples) for split, of_split in statistics.items()}


def missing(statistics: _Statistics, columns: Iterable[str]) -> dict[str, float]:
    """Returns the share of all rows, whatever their split, that have no value, by column; 1.0 if no split knows it."""
    total = sum(rows(statistics).values())
    found = dict.fromkeys(columns, 0)
    for of_split in statistics.values():
        for feature in of_split.datasets[0].features:
            if (name := column_name(feature)) in found:
                found[name] += int(_common(feature).num_non_missing)
    return {name: 1 - count / total if total else 1.0 for name, count in found.items()}


def label_counts(
    statistics: _Statistics, classes: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, dict[str, int]] | None]:
    """Returns rows by head, class and split; None for a head of so many classes that not all were counted.

    Args:
        statistics: By split.
        classes: By head.
    """
    found: dict[str, dict[str, dict[str, int]] | None] = {
        head: {label: dict.fromkeys(statistics, 0) for label in labels} for head, labels in classes.items()
    }
    for split, of_split in statistics.items():
        for feature in of_split.datasets[0].features:
            name, strings = column_name(feature), feature.string_stats
            if not (of_head := found.get(name)):
                continue
            counted = {bucket.label: int(bucket.sample_count) for bucket in strings.rank_histogram.buckets}
            if len(counted) < strings.unique:
                found[name] = None
                continue
            for label, by_split in of_head.items():
                by_split[split] = counted.get(label, 0)
    return found


def _common(feature: statistics_pb2.FeatureNameStatistics) -> Any:
    return getattr(feature, feature.WhichOneof("stats")).common_stats
