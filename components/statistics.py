"""Reads what StatisticsGen wrote."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.types import artifact_utils


def load_by_split(artifact: types.Artifact) -> dict[str, statistics_pb2.DatasetFeatureStatisticsList]:
    """Returns the statistics of every split of an ExampleStatistics artifact."""
    splits = artifact_utils.decode_split_names(artifact.split_names)
    return {split: stats_artifact_utils.load_statistics(artifact, split).proto() for split in splits}


def column_name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    """Returns the name of the column that statistics are of."""
    return feature.name or ".".join(feature.path.step)
