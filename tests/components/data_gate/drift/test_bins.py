"""What two samples are compared on."""

import numpy as np
import pyarrow as pa
import pytest

from components.data_gate.drift.bins import common
from components.data_gate.drift.counts import count
from components.data_gate.drift.distance import jensen_shannon


def numbers(values):
    return count(pa.array([[float(v)] for v in values], pa.list_(pa.float64())), len(values), "number")


def texts(*values):
    return count(pa.array([[v.encode()] for v in values], pa.list_(pa.binary())), len(values), "category")


def test_bins_hold_equally_much_of_both_together_whatever_their_sizes():
    newest, reference = numbers(range(100)), numbers(np.arange(1000) / 10)
    bins = common(newest, reference, "number")
    assert bins.of(newest) == pytest.approx([10] * 10, abs=1)
    assert bins.of(reference) == pytest.approx([100] * 10, abs=2)


def test_a_number_that_is_most_of_a_column_is_a_bin_of_its_own():
    found = common(numbers([0] * 90 + list(range(1, 11))), numbers([0] * 50 + list(range(1, 51))), "number")
    histogram = found.histogram(numbers([0] * 90 + list(range(1, 11))))
    assert histogram["edges"][:2] == [0, 0]
    assert histogram["counts"][0] == 90


def test_one_number_that_is_far_off_does_not_hide_a_move():
    newest, reference = numbers([*range(50, 100), 1e9]), numbers([*range(50), 1e9])
    bins = common(newest, reference, "number")
    assert jensen_shannon(bins.of(newest), bins.of(reference)) > 0.9


def test_numbers_out_of_range_are_in_the_outer_bins():
    bins = common(numbers(range(10)), numbers(range(10)), "number")
    assert bins.of(numbers([-5, 50, 50]))[[0, -1]].tolist() == [1, 2]


@pytest.mark.parametrize("values", [[7], [7, 7, 7], [0, 1], [-3e38, 3e38]])
def test_few_different_numbers(values):
    same = numbers(values)
    bins = common(same, same, "number")
    histogram = bins.histogram(same)
    assert sum(histogram["counts"]) == len(values)
    assert len(histogram["edges"]) == len(histogram["counts"]) + 1
    assert histogram["edges"] == sorted(histogram["edges"])


def test_categories_are_named_by_what_they_weigh_in_either_sample():
    newest, reference = texts("a", "b", "b", ""), texts("a", "a", "a", "c")
    bins = common(newest, reference, "category")
    assert bins.histogram(newest) == {"values": ["a", "b", "(no tag)", "c"], "counts": [1, 2, 1, 0], "others": 0}
    assert bins.histogram(reference) == {"values": ["a", "b", "(no tag)", "c"], "counts": [3, 0, 0, 1], "others": 0}


def test_of_many_categories_the_lightest_are_others():
    newest = texts(*"aaabcdefghijklm")
    histogram = common(newest, newest, "category").histogram(newest)
    assert len(histogram["values"]) == 10
    assert histogram["others"] == 3
