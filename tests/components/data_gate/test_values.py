"""Values that would stop a later stage."""

import math

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_gate.values import infinite, not_text


def statistics(name, **of_kind):
    """Statistics of one column."""
    found = statistics_pb2.DatasetFeatureStatisticsList()
    found.datasets.add().features.add(path={"step": [name]}, **of_kind)
    return found


@pytest.mark.parametrize("bound", ["min", "max"])
@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_numbers_in_any_split(bound, value):
    by_split = {"train": statistics("x", num_stats={"max": 3.0}), "eval": statistics("x", num_stats={bound: value})}
    assert infinite(by_split, ["x"]) == {"x": "column 'x': holds infinite numbers; leave such values out"}
    assert infinite(by_split, ["y"]) == {}
    assert infinite({"train": by_split["train"]}, ["x"]) == {}


def test_bytes_that_are_no_text_in_a_column_that_names_slices():
    by_split = {
        "train": statistics("x", string_stats={}),
        "test": statistics("x", string_stats={"invalid_utf8_count": 1}),
    }
    assert list(not_text(by_split, ["x"])) == ["x"]
    assert "no UTF-8" in not_text(by_split, ["x"])["x"]
    assert not_text(by_split, ["y"]) == not_text({"train": by_split["train"]}, ["x"]) == {}
