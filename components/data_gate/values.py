"""Values that schema.pbtxt allows and that a later stage, after minutes of training, would fail at."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.statistics import column_name

_Statistics = Mapping[str, statistics_pb2.DatasetFeatureStatisticsList]


def infinite(by_split: _Statistics, columns: Collection[str]) -> dict[str, str]:
    """Returns a sentence for every column of numbers that holds an infinite one, by column.

    Its mean or largest value, by which it is scaled, would be infinite, and so the loss no number.

    Args:
        by_split: Statistics per split.
        columns: What the task needs.
    """
    return {
        name: f"column '{name}': holds infinite numbers; leave such values out"
        for name, feature in _features(by_split, columns)
        if math.isinf(feature.num_stats.min) or math.isinf(feature.num_stats.max)
    }


def not_text(by_split: _Statistics, columns: Collection[str]) -> dict[str, str]:
    """Returns a sentence for every column whose values name slices and are not all UTF-8, by column.

    Args:
        by_split: Statistics per split.
        columns: What the task slices by.
    """
    return {
        name: f"column '{name}': holds bytes that are no UTF-8, which cannot name slices; write texts as UTF-8"
        for name, feature in _features(by_split, columns)
        if feature.string_stats.invalid_utf8_count
    }


def _features(
    by_split: _Statistics, columns: Collection[str]
) -> Iterator[tuple[str, statistics_pb2.FeatureNameStatistics]]:
    for statistics in by_split.values():
        for feature in statistics.datasets[0].features:
            if (name := column_name(feature)) in columns:
                yield name, feature
