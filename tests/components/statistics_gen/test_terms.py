"""Counts of texts: exact, and in bounded memory."""

import collections

import numpy as np
import pyarrow as pa
import pytest


@pytest.fixture(scope="module")
def terms():
    from components.statistics_gen import terms

    return terms


@pytest.fixture
def count(terms):
    """Counts texts in batches of three, merges those, and returns what is known of the column."""
    from tensorflow_data_validation.types import FeaturePath
    from tensorflow_metadata.proto.v0 import schema_pb2

    counter = terms.TermCounter(schema_pb2.Schema())

    def of(values, size=3):
        batches = [
            pa.RecordBatch.from_arrays([pa.array([[v] for v in values[i : i + size]], pa.list_(pa.binary()))], ["x"])
            for i in range(0, len(values), size)
        ]
        parts = [counter.add_input(counter.create_accumulator(), batch) for batch in batches]
        return counter.merge_accumulators(parts)[FeaturePath(["x"])]

    return of


def test_few_values_are_counted_exactly(count):
    values = [b"b", b"a", b"c", b"a", b"b", b"\xff", b"c", b"c"]
    found = count(values)
    assert found.unique() == 4
    # Of equally frequent ones the larger first, as TensorFlow Data Validation ranks them.
    assert found.top() == [(b"c", 3), (b"b", 2), (b"a", 2), (b"\xff", 1)]


def test_too_many_values_are_estimated(count, terms, monkeypatch):
    monkeypatch.setattr(terms, "_MAX_BYTES", 100_000)
    rng = np.random.default_rng(0)
    rare = [f"rare {number}".encode() for number in range(40_000)]
    values = [*rare, *[b"often"] * 9000, *[b"less"] * 4000]
    rng.shuffle(values)
    found = count(values, 500)
    assert isinstance(found, terms.Sketched)
    assert found.unique() == pytest.approx(40_002, rel=0.03)
    top = found.top()
    assert [value for value, _ in top[:2]] == [b"often", b"less"]
    assert [number for _, number in top[:2]] == pytest.approx([9000, 4000], abs=len(values) / 1024)


def test_an_estimate_and_an_exact_count_are_merged_either_way(count, terms, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(terms, "_MAX_BYTES", 150)
        many = [count([b"a", b"b", b"c", b"a"]) for _ in range(2)]
    few = [count([b"a", b"d"]) for _ in range(2)]
    for merged in (terms.merge(many[0], few[0]), terms.merge(few[1], many[1])):
        assert merged.unique() == 4
        assert dict(merged.top()) == {b"a": 3, b"b": 1, b"c": 1, b"d": 1}


def test_merged_counts_are_those_of_all_rows(count):
    rng = np.random.default_rng(1)
    values = [str(number).encode() for number in rng.zipf(1.5, 5000)]
    expected = collections.Counter(values)
    for size in (7, 5000):
        found = count(values, size)
        assert found.counts == expected
        assert len(found.top()) == min(1000, len(expected))
