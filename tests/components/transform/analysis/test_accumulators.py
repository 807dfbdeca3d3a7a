"""What accumulators gather is the same however rows are divided among them."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.transform.analysis.classes import Classes, Tags
from components.transform.analysis.edges import Edges
from components.transform.analysis.extremes import Extremes
from components.transform.analysis.moments import Moments
from components.transform.analysis.terms import Terms

FLOATS = pa.large_list(pa.float32())
BYTES = pa.large_list(pa.large_binary())


def flat(column):
    return column.flatten().cast(pa.binary())


def column(values, kind):
    """A row per value, or list of values; None where there is none."""
    return pa.array([v if v is None or isinstance(v, list) else [v] for v in values], kind)


def gathered(make, parts, kind):
    """Gathers parts apart and merges them, through JSON as files have it."""
    whole = make()
    for part in parts:
        one = make()
        one.add(column(part, kind))
        whole.merge(json.loads(json.dumps(one.state())))
    return whole


def learnt(make, values, kind):
    accumulator = make()
    accumulator.add(column(values, kind))
    return accumulator.result()


floats = st.none() | st.floats(-1e6, 1e6, width=32)
words = st.none() | st.sampled_from([b"a", b"b", "é".encode(), b"\xff", b"", b"a\nb", b"c\r"])


def partitions(values):
    return st.lists(st.lists(values, max_size=12), max_size=6)


def together(parts):
    return [value for part in parts for value in part]


class TestMoments:
    @given(partitions(floats))
    def test_any_partition_is_the_whole(self, parts):
        values = np.array([v for v in together(parts) if v is not None], np.float64)
        mean, variance = gathered(Moments, parts, FLOATS).result()
        assert mean == pytest.approx(values.mean() if len(values) else 0, rel=1e-9, abs=1e-6)
        assert variance == pytest.approx(values.var() if len(values) else 0, rel=1e-9, abs=1e-3)

    def test_a_mean_that_is_large_beside_the_deviation(self):
        # Exact in float32; sums of squares would lose all of it.
        parts = [[16_000_001.0], [16_000_003.0], [16_000_005.0]]
        assert gathered(Moments, parts, FLOATS).result() == pytest.approx([16_000_003, 8 / 3])

    def test_infinity_is_left_out(self):
        assert learnt(Moments, [1.0, float("inf"), 3.0, float("nan")], FLOATS) == [2, 1]


class TestExtremes:
    @given(partitions(floats))
    def test_any_partition_is_the_whole(self, parts):
        values = [v for v in together(parts) if v is not None]
        assert gathered(Extremes, parts, FLOATS).result() == [min(values, default=0), max(values, default=0)]


class TestEdges:
    @settings(max_examples=25)
    @given(st.integers(0, 2**32), st.integers(1, 7), st.sampled_from([2, 3, 8, 64]))
    def test_any_partition_has_the_rank_error_of_the_whole(self, seed, num_parts, bins):
        rng = np.random.default_rng(seed)
        values = (rng.normal(size=20_000) * 100).astype(np.float32)
        values[rng.random(len(values)) < 0.3] = 0
        found = gathered(lambda: Edges(bins), np.array_split(values, num_parts), FLOATS).result()
        assert len(found) == bins + 1
        assert (found[0], found[-1]) == (values.min(), values.max())
        others = (bins - 1) // 2
        wanted = [(values, bins - 1 - others), (values[values != 0], others)]
        shares = [(sample, i / (count + 1)) for sample, count in wanted for i in range(1, count + 1)]
        # Which edge is whose is lost by sorting: each quantile must have an edge within the error of its rank.
        for sample, share in shares:
            ordered = np.sort(sample)
            low, high = (
                ordered[int(np.clip((share + e) * len(ordered), 0, len(ordered) - 1))] for e in (-0.002, 0.002)
            )
            assert any(low <= edge <= high for edge in found)

    def test_of_few_values_edges_are_among_them(self):
        found = gathered(lambda: Edges(4), [[1.0, None], [5.0], [], [2.0]], FLOATS).result()
        assert set(found) <= {1, 2, 5}
        assert (found[0], found[-1]) == (1, 5)

    def test_no_value_at_all(self):
        assert gathered(lambda: Edges(4), [[None], []], FLOATS).result() == [0] * 5


class TestTerms:
    @given(partitions(words))
    def test_any_partition_is_the_whole(self, parts):
        def make():
            return Terms("words", 10, flat)

        assert gathered(make, parts, BYTES).result() == learnt(make, together(parts), BYTES)

    def test_frequent_terms_come_first_and_of_equally_frequent_ones_the_last(self):
        values = [b"a", b"c", b"b", b"c", b"d", b"d", b"", b"x\ny"]
        assert learnt(lambda: Terms("words", 3, flat), values, BYTES) == [b"d", b"c", b"b"]

    def test_there_is_one_term_at_least(self):
        assert len(learnt(lambda: Terms("words", 3, flat), [None, b""], BYTES)) == 1


class TestClasses:
    @given(partitions(st.none() | st.sampled_from([b"x", b"y", b"unknown"])))
    def test_any_partition_is_the_whole(self, parts):
        values = together(parts)
        assert gathered(lambda: Classes(("x", "y", "z")), parts, BYTES).result() == [
            values.count(name) for name in (b"x", b"y", b"z")
        ]


class TestTags:
    @given(partitions(st.none() | st.lists(st.sampled_from([b"x", b"y", b"", b"unknown"]), min_size=1, max_size=4)))
    def test_any_partition_is_the_whole(self, parts):
        rows = [row for row in together(parts) if row is not None]
        expected = [[sum(tag not in row for row in rows), sum(tag in row for row in rows)] for tag in (b"x", b"y")]
        assert expected == gathered(lambda: Tags(("x", "y")), parts, BYTES).result()


def test_states_of_another_kind_have_another_name():
    kinds = [Moments.kind, Extremes.kind, Edges.kind, Classes("ab").kind, Classes("ba").kind, Tags("ab").kind]
    assert len(set(kinds)) == len(kinds)
    # How many bins or terms are made of what was gathered is no part of it.
    assert Edges(4).kind == Edges(8).kind
