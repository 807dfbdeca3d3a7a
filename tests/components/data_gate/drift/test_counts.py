"""What is counted of a column, in pieces and together."""

import json
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data_gate.drift import counts as module
from components.data_gate.drift.counts import Counts, count, empty, median, merge


def found(column, kind):
    counts = count(column, len(column), kind)
    return (
        counts.rows,
        counts.present,
        counts.total,
        dict(zip(counts.values.tolist(), counts.counts.tolist(), strict=True)),
    )


def test_texts_and_integers_as_categories():
    texts = pa.array([[b"a"], None, [b"b"], [b"a"], [b"\xff"]], pa.list_(pa.binary()))
    assert found(texts, "category") == (5, 4, 4, {"a": 2, "b": 1, "�": 1})
    assert found(pa.array([[3], [3], None]), "category") == (3, 2, 2, {"3": 2})


def test_tags_count_one_by_one_and_none_of_them_is_a_value():
    tags = pa.array([[b"a", b"b"], [b""], None], pa.list_(pa.binary()))
    assert found(tags, "category") == (3, 2, 3, {"a": 1, "b": 1, "": 1})


def test_numbers_and_lengths():
    assert found(pa.array([[2.0], [1.0], None, [2.0]], pa.list_(pa.float32())), "number") == (4, 3, 3, {1.0: 1, 2.0: 2})
    assert found(pa.array([[b"abc"], [b""], [b"xyz"]], pa.list_(pa.binary())), "length") == (3, 3, 3, {0.0: 1, 3.0: 2})


def test_a_column_that_is_not_there_or_has_no_value():
    for column in (
        None,
        pa.nulls(3),
        pa.array([None] * 3, pa.list_(pa.float32())),
        pa.array([[]] * 3, pa.list_(pa.int64())),
    ):
        counts = count(column, 3, "number")
        assert (counts.rows, counts.present, counts.total, counts.missing) == (3, 0, 0, 1.0)
    assert empty(0).missing == 0


def test_infinity_can_be_written():
    counts = count(pa.array([[np.inf], [-np.inf], [0.0]], pa.list_(pa.float32())), 3, "number")
    assert json.loads(json.dumps(counts.to_json(), allow_nan=False))["counts"] == [1, 1, 1]


def of_numbers(numbers):
    return count(pa.array([[n] for n in numbers], pa.list_(pa.float64())), len(numbers), "number")


def test_many_numbers_keep_their_ranks_and_a_frequent_one_stays_what_it_is():
    random = np.random.default_rng(0)
    numbers = np.concatenate([np.zeros(4000), random.exponential(size=6000)])
    counts = of_numbers(numbers)
    assert len(counts.values) <= module._MAX_NUMBERS
    assert counts.counts.sum() == 10_000
    assert counts.values[0] == 0
    assert abs(counts.counts[0] - 4000) <= 40
    for at in (0.1, 0.5, 2.0):
        below = counts.counts[counts.values <= at].sum()
        assert abs(below - (numbers <= at).sum()) <= 2 * 10_000 / module._MAX_NUMBERS
    assert median(counts) == pytest.approx(np.median(numbers), abs=0.02)


def test_the_rarest_of_too_many_texts_are_counted_and_not_named(monkeypatch):
    monkeypatch.setattr(module, "_MAX_CATEGORIES", 2)
    counts = count(pa.array([[b"a"]] * 3 + [[b"b"]] * 2 + [[b"c"]], pa.list_(pa.binary())), 6, "category")
    assert counts.values.tolist() == ["a", "b"]
    assert (counts.total, counts.is_whole) == (6, False)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "", "ä"]), max_size=5), min_size=1, max_size=4))
def test_pieces_together_are_the_whole_of_texts(pieces):
    def of(texts):
        return count(pa.array([[t.encode()] for t in texts], pa.list_(pa.binary())), len(texts), "category")

    assert merge([of(texts) for texts in pieces]).to_json() == of(list(chain(*pieces))).to_json()


@given(st.lists(st.lists(st.integers(-5, 5), max_size=5), min_size=1, max_size=4))
def test_pieces_together_are_the_whole_of_numbers(pieces):
    assert merge([of_numbers(numbers) for numbers in pieces]).to_json() == of_numbers(list(chain(*pieces))).to_json()


@pytest.mark.parametrize("kind", ["category", "number"])
def test_json_keeps_everything(kind):
    for column in (pa.array([[1], [2], None, [2]]), pa.nulls(2)):
        counts = count(column, len(column), kind)
        again = Counts.from_json(json.loads(json.dumps(counts.to_json())))
        assert again.to_json() == counts.to_json()
        assert merge([again, again]).total == 2 * counts.total
