"""Means, deviations and Delta_m, against numbers worked out by hand."""

import pytest

from pipeline.compare import summary
from pipeline.compare.grid import read_grid


def test_spread():
    assert summary.spread([1.0, 2.0, 6.0]) == {
        "mean": 3.0,
        "std": pytest.approx(7**0.5),
        "values": [1.0, 2.0, 6.0],
    }


def test_one_value_has_no_deviation():
    assert summary.spread([0.5]) == {"mean": 0.5, "std": None, "values": [0.5]}


def test_a_missing_value_leaves_no_mean():
    assert summary.spread([0.5, None]) == {"mean": None, "std": None, "values": [0.5, None]}


def test_delta_m_is_the_mean_relative_gain_over_heads_in_percent():
    # +10 % and -5 %.
    assert summary.delta_m([0.55, 0.76], [0.5, 0.8]) == pytest.approx(2.5)


@pytest.mark.parametrize(("multi", "single"), [([0.5, None], [0.5, 0.5]), ([0.5, 0.5], [0.5, None]), ([0.5], [0.0])])
def test_delta_m_needs_every_head(multi, single):
    assert summary.delta_m(multi, single) is None


def test_entries(cells, result):
    results = [
        [result(kind=0.80, seconds=1.0, epochs=3), result(kind=0.84, seconds=3.0, epochs=2)],
        [result(kind=0.80, size=0.5, parameters=2000)] * 2,
        [result()] * 2,
    ]
    entries = summary.summarise(cells, results)
    assert [entry["cell"] for entry in entries] == ["trunk.type=shared", "trunk.type=independent", "trunk.type=ple"]
    shared, independent, _ = entries
    assert shared["set"] == {"trunk.type": "shared", "training.epochs": "3"}
    assert shared["seeds"] == [0, 1]
    assert shared["heads"]["kind"]["auc"]["mean"] == pytest.approx(0.82)
    assert shared["heads"]["kind"]["auc"]["values"] == [0.80, 0.84]
    assert shared["seconds"]["mean"] == 2.0
    assert (shared["epochs"], shared["parameters"]) == ([3, 2], 1000)
    # kind .82 against .80, size .6 against .5.
    assert shared["delta_m"] == {"auc": pytest.approx((2.5 + 20) / 2), "accuracy": 0.0}
    assert independent["delta_m"] == {"auc": 0.0, "accuracy": 0.0}


def test_the_reference_has_otherwise_equal_settings(write_task, result):
    cells = read_grid(write_task(), ["trunk.type=shared,independent", "training.epochs=3,4"], 1)
    aucs = [0.6, 0.6, 0.5, 0.4]  # shared 3, shared 4, independent 3, independent 4
    entries = summary.summarise(cells, [[result(kind=auc, size=auc)] for auc in aucs])
    assert [entry["delta_m"]["auc"] for entry in entries] == pytest.approx([20, 50, 0, 0])


def test_without_an_independent_cell_there_is_no_gain(write_task, result):
    cells = read_grid(write_task(), ["trunk.type=shared,ple"], 1)
    assert [entry["delta_m"] for entry in summary.summarise(cells, [[result()]] * 2)] == [None, None]


def test_main_metrics(cells, write_task, toy_schema):
    assert summary.main_metrics(cells[0].contract) == {"kind": "auc", "size": "auc"}
    more = toy_schema.replace('value: "huge"', 'value: "huge" value: "vast" value: "endless"')
    (cell,) = read_grid(write_task(pbtxt=more), ["trunk.type=shared"], 1)
    assert summary.main_metrics(cell.contract) == {"kind": "auc", "size": "accuracy"}
