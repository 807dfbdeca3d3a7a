"""What report.json says beside the verdict: the data, the training, and where everything came from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.data_gate.anomalies import warnings
from components.pusher import facts
from components.statistics import column_name
from schema.names import TRAIN
from schema.task import TaskSpec

# Of a column of texts, the values that most rows have.
_MOST_FREQUENT = 3
# What is said of a column that is neither a feature nor a label.
_OTHER = "not learnt from"


def data(
    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatisticsList],
    anomalies: Mapping[str, anomalies_pb2.Anomalies],
    task: TaskSpec,
    drift: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns `splits`, rows by split; `features`, statistics of every column; `anomalies`, sentences; and `drift`.

    Statistics are those of `train`: what the model has learnt from. Of numbers they are `min`, `median`, `mean`, `max`,
    `std` and the share of `zeros`; of texts how many are `unique`, and as `top` the most frequent with their shares of
    the rows with a value; of images the mean number of `bytes`.

    Args:
        statistics: StatisticsGen's, by split.
        anomalies: ExampleValidator's, by split.
        task: What the columns are to it.
        drift: What the stage Drift found; None if it did not run.
    """
    train = statistics[TRAIN].datasets[0]
    types = {name: part.type for parts in (task.features, task.heads) for name, part in parts.items()}
    columns = {column_name(feature): feature for feature in train.features}
    ordered = [*(name for name in types if name in columns), *(name for name in columns if name not in types)]
    return {
        "splits": facts.rows(statistics),
        "features": [
            {"name": name, "type": types.get(name, _OTHER), **_of_column(columns[name], int(train.num_examples))}
            for name in ordered
        ],
        "anomalies": warnings(anomalies),
        "drift": drift,
    }


def _of_column(feature: statistics_pb2.FeatureNameStatistics, rows: int) -> dict[str, Any]:
    kind = feature.WhichOneof("stats")
    of_kind = getattr(feature, kind)
    present = int(of_kind.common_stats.num_non_missing)
    found: dict[str, Any] = {"missing": 1 - present / rows if rows else None}
    if not present:
        return found
    if kind == "num_stats":
        values = {key: getattr(of_kind, key) for key in ("min", "median", "mean", "max")}
        found |= {key: _number(value) for key, value in {**values, "std": of_kind.std_dev}.items()}
        found["zeros"] = of_kind.num_zeros / present
    elif kind == "string_stats":
        most = sorted(of_kind.rank_histogram.buckets, key=lambda bucket: -bucket.sample_count)[:_MOST_FREQUENT]
        found["unique"] = int(of_kind.unique)
        found["top"] = [[bucket.label, bucket.sample_count / present] for bucket in most]
    elif kind == "bytes_stats":
        found["bytes"] = _number(of_kind.avg_num_bytes)
    return found


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
