"""Halving a batch until every bad row stands alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.predict.isolate import isolate


class Bad(Exception):
    pass


def split(num_rows, bad):
    """Isolates the bad rows of a batch; returns what came and how many attempts it took."""
    attempts = []

    def attempt(start, stop):
        attempts.append((start, stop))
        if wrong := [row for row in range(start, stop) if row in bad]:
            raise Bad(str(wrong[0]))
        return list(range(start, stop))

    return list(isolate(0, num_rows, attempt, (Bad,))), len(attempts)


@given(st.integers(0, 300).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(n - 1, 0)), max_size=n))))
def test_every_row_comes_once_in_order_and_the_bad_ones_alone(drawn):
    num_rows, bad = drawn
    pieces, attempts = split(num_rows, bad)
    assert [row for start, stop, _ in pieces for row in range(start, stop)] == list(range(num_rows))
    failures = {start: str(result) for start, _, result in pieces if isinstance(result, Bad)}
    assert failures == {row: str(row) for row in bad if row < num_rows}
    for start, stop, result in pieces:
        if not isinstance(result, Bad):
            assert list(range(start, stop)) == result
    if num_rows:
        assert attempts <= 1 + 2 * len(bad) * math.ceil(math.log2(num_rows))


def test_good_rows_are_attempted_once():
    assert split(100, set()) == ([(0, 100, list(range(100)))], 1)


def test_other_failures_end_it():
    def attempt(start, stop):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(isolate(0, 3, attempt, (Bad,)))
