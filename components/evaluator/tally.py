"""What was counted of all heads of all models, by slice; and the metrics that come of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow_model_analysis.metrics.metric_types import MetricKey

from components.evaluator.counts import HeadCounts, HeadRows
from components.evaluator.joint import JointCounts, JointRows, association_of, joint_metrics_by_group
from components.evaluator.metrics import distributions_of, metrics_by_group
from components.evaluator.packed import pack
from components.evaluator.slicing import WHOLE, Sliced, TfmaSliceKey

DISTRIBUTIONS = "distributions"
ASSOCIATION = "association"

# Name of a model in the EvalConfig, and of a head; empty for all heads together.
Owner = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Tally:
    """Counts by slice, of slices by the same columns.

    Attributes:
        keys: The slices.
        counts: By owner; the groups of each are the slices.
    """

    keys: tuple[TfmaSliceKey, ...]
    counts: Mapping[Owner, HeadCounts | JointCounts]

    @classmethod
    def of(cls, given: Sliced, rows: Mapping[Owner, HeadRows | JointRows], masks: Mapping[Owner, np.ndarray]) -> Tally:
        """Counts the rows of a batch.

        Args:
            given: Its slices.
            rows: By owner.
            masks: Whether a row has a label, bool `(rows,)` by owner.
        """
        counts = {}
        for owner, of_owner in rows.items():
            kept = masks[owner][given.rows]
            counts[owner] = of_owner.counted(given.rows[kept], given.groups[kept], len(given.keys))
        return cls(given.keys, counts)

    @classmethod
    def merged(cls, parts: Sequence[Tally]) -> Tally:
        """Adds what was counted of different rows; at least one part."""
        if len(parts) == 1:
            return parts[0]
        index: dict[TfmaSliceKey, int] = {}
        places = [np.array([index.setdefault(key, len(index)) for key in part.keys], np.int64) for part in parts]
        counts = {}
        for owner, first in parts[0].counts.items():
            of_owner: list[Any] = [part.counts[owner] for part in parts]
            counts[owner] = type(first).merged(of_owner, places, len(index))
        return cls(tuple(index), counts)

    @property
    def size(self) -> int:
        """Roughly how many numbers it holds."""
        return sum(of_owner.size for of_owner in self.counts.values())

    def metrics(self, candidate: str, baseline: str) -> Iterator[tuple[TfmaSliceKey, dict[MetricKey, float | bytes]]]:
        """Yields slices and their metrics, and those of a model less those of its baseline, as TFMA writes them.

        What a report draws comes with the whole alone.

        Args:
            candidate: Name of the model.
            baseline: Name of its baseline, if there is one.
        """
        by_group: dict[MetricKey, np.ndarray] = {}
        for (model, head), counts in self.counts.items():
            of_owner = metrics_by_group(counts) if isinstance(counts, HeadCounts) else joint_metrics_by_group(counts)
            by_group |= {_key(name, model, head): values for name, values in of_owner.items()}
        for key, values in list(by_group.items()):
            before = key.make_baseline_key(baseline)
            if key.model_name == candidate and before in by_group:
                by_group[key.make_diff_key()] = values - by_group[before]
        for group, slice_key in enumerate(self.keys):
            of_slice: dict[MetricKey, Any] = {key: values[group].item() for key, values in by_group.items()}
            yield slice_key, of_slice | (self._drawn(group) if slice_key == WHOLE else {})

    def _drawn(self, group: int) -> dict[MetricKey, bytes]:
        drawn = {}
        for (model, head), counts in self.counts.items():
            if isinstance(counts, HeadCounts):
                drawn[_key(DISTRIBUTIONS, model, head)] = pack(distributions_of(counts, group))
            else:
                drawn[_key(ASSOCIATION, model, head)] = pack(association_of(counts, group))
        return drawn


def _key(name: str, model: str, head: str) -> MetricKey:
    return MetricKey(name, model, head, example_weighted=True)
