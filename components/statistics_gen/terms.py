"""How many different values texts have and which are the most frequent, as accumulators that can be merged.

TensorFlow Data Validation counts exactly in its Beam stages, which cannot be kept and merged later, and estimates in
memory. Here it is exact as long as the different values of a column fit into a bounded memory, and its own sketches
beyond: K minimum values for their number, whose relative error is about 1 / sqrt(16384), and Misra-Gries for the most
frequent ones, of which none is missed that makes up more than a 1024th.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Iterable

import pyarrow as pa
from tensorflow_data_validation import constants
from tensorflow_data_validation.arrow import arrow_util
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_data_validation.statistics.generators import stats_generator
from tensorflow_data_validation.types import FeaturePath
from tensorflow_data_validation.utils import schema_util, stats_util, top_k_uniques_stats_util
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx_bsl.arrow import array_util
from tfx_bsl.sketches import KmvSketch, MisraGriesSketch

# Defaults of tfdv.StatsOptions.
_TOP_VALUES = 20
_RANKED_VALUES = 1000
# Of the different values of a column that are counted exactly: some 300,000 short ones.
_MAX_BYTES = 32 << 20
_BYTES_PER_VALUE = 100  # What Python needs for an entry besides its text.
_LARGE_TEXT = 1024  # Bytes: the sketch counts longer texts as one, as TensorFlow Data Validation has it.


@dataclasses.dataclass
class Exact:
    """Every value of a column.

    Attributes:
        counts: How often each is there.
        size: Bytes that they need.
    """

    counts: dict[bytes, int] = dataclasses.field(default_factory=dict)
    size: int = 0

    def add(self, counts: Iterable[tuple[bytes, int]]) -> Exact | Sketched:
        """Adds values; returns the counts of all."""
        known = self.counts
        for value, count in counts:
            if value in known:
                known[value] += count
            else:
                known[value] = count
                self.size += len(value) + _BYTES_PER_VALUE
        return self if self.size <= _MAX_BYTES else Sketched().add(known.items())

    def unique(self) -> int:
        """Returns the number of different values."""
        return len(self.counts)

    def top(self) -> list[tuple[bytes, float]]:
        """Returns the most frequent values, of equally frequent ones the larger."""
        return heapq.nlargest(_RANKED_VALUES, self.counts.items(), key=lambda item: (item[1], item[0]))


class Sketched:
    """Estimates for a column of too many values."""

    def __init__(self) -> None:
        self._distinct = KmvSketch(stats_impl._DEFAULT_KMV_SKETCH_SIZE)
        self._top = MisraGriesSketch(
            num_buckets=stats_impl._DEFAULT_MG_SKETCH_SIZE,
            invalid_utf8_placeholder=constants.NON_UTF8_PLACEHOLDER,
            large_string_threshold=_LARGE_TEXT,
            large_string_placeholder=constants.LARGE_BYTES_PLACEHOLDER,
        )

    def add(self, counts: Iterable[tuple[bytes, int]]) -> Sketched:
        """Adds values."""
        values, weights = zip(*counts, strict=True)
        found = pa.array(values, pa.large_binary())
        self._distinct.AddValues(found)
        self._top.AddValues(found, pa.array(weights, pa.float32()))
        return self

    def merge(self, other: Sketched) -> Sketched:
        """Adds what another has seen."""
        self._distinct.Merge(other._distinct)
        self._top.Merge(other._top)
        return self

    def unique(self) -> int:
        """Returns about the number of different values."""
        return int(self._distinct.Estimate())

    def top(self) -> list[tuple[bytes, float]]:
        """Returns the most frequent values, and about how often they are there."""
        return [(found["values"], found["counts"]) for found in self._top.Estimate().to_pylist()]


Counted = Exact | Sketched
Accumulator = dict[FeaturePath, Counted]


def merge(one: Counted, other: Counted) -> Counted:
    """Returns the counts of both together."""
    if isinstance(one, Sketched) and isinstance(other, Sketched):
        return one.merge(other)
    if isinstance(other, Sketched):
        one, other = other, one
    return one.add(other.counts.items()) if isinstance(other, Exact) and other.counts else one


class TermCounter(stats_generator.CombinerStatsGenerator):
    """Counts the values of every column of texts.

    Args:
        schema: Says which columns hold bytes that are no texts.
    """

    def __init__(self, schema: schema_pb2.Schema):
        super().__init__("TermCounter", schema)
        self._bytes = frozenset(schema_util.get_bytes_features(schema))

    def create_accumulator(self) -> Accumulator:
        """Returns counts of nothing."""
        return {}

    def add_input(self, accumulator: Accumulator, input_record_batch: pa.RecordBatch) -> Accumulator:
        """Counts the values of a batch."""
        for path, column, _ in arrow_util.enumerate_arrays(input_record_batch, None, enumerate_leaves_only=True):
            kind = stats_util.get_feature_type_from_arrow_type(path, column.type)
            if kind != statistics_pb2.FeatureNameStatistics.STRING or path in self._bytes:
                continue
            values, _ = array_util.flatten_nested(column)
            found = values.value_counts()
            if len(found):
                pairs = zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)
                accumulator[path] = accumulator.get(path, Exact()).add(pairs)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        """Returns the counts of all together."""
        result: Accumulator = {}
        for accumulator in accumulators:
            for path, counted in accumulator.items():
                result[path] = merge(result[path], counted) if path in result else counted
        return result

    def extract_output(self, accumulator: Accumulator) -> statistics_pb2.DatasetFeatureStatistics:
        """Returns the statistics, in the words of TensorFlow Data Validation."""
        features = [
            top_k_uniques_stats_util.make_feature_stats_proto_topk_uniques(
                feature_path=path,
                num_top_values=_TOP_VALUES,
                num_rank_histogram_buckets=_RANKED_VALUES,
                num_unique=counted.unique(),
                value_count_list=[
                    top_k_uniques_stats_util.FeatureValueCount(value, count) for value, count in counted.top()
                ],
            )
            for path, counted in accumulator.items()
        ]
        return statistics_pb2.DatasetFeatureStatistics(features=features)
