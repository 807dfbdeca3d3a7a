import dataclasses

import pytest

from components.evaluator import verdict
from components.evaluator.results import Results
from schema.task import Gate

JFK = (("origin", "JFK"),)
CANDIDATE = {
    (): {"auc": 0.80, "log_loss": 0.50, "ece": 0.02, "accuracy": 0.7},
    JFK: {"accuracy": 0.60},
    (("origin", "EWR"),): {"labelled": 0.0},
    (("carrier", "AA"), ("origin", "JFK")): {"accuracy": 0.40},
    (("hour", "7"),): {"accuracy": 0.9},
}
BASELINE = {(): {"auc": 0.83, "log_loss": 0.45, "accuracy": 0.65}, JFK: {"accuracy": 0.75}}


def judge(gate, baseline=None):
    """Returns the outcome of one gate on the results above."""
    before = Results({"late": baseline}, {}) if baseline is not None else None
    (outcome,) = verdict.judge({"late": (Gate(**gate),)}, Results({"late": CANDIDATE}, {}), before)["late"]
    return outcome


@pytest.mark.parametrize(
    ("gate", "ok"),
    [
        ({"metric": "auc", "min": 0.79}, True),
        ({"metric": "auc", "min": 0.80}, True),
        ({"metric": "auc", "min": 0.81}, False),
        ({"metric": "ece", "max": 0.03}, True),
        ({"metric": "ece", "max": 0.02}, True),
        ({"metric": "ece", "max": 0.01}, False),
        ({"metric": "auc", "min": 0.7, "max": 0.9}, True),
        ({"metric": "auc", "min": 0.7, "max": 0.75}, False),
        ({"metric": "auc", "min": 0.85, "max": 0.9}, False),
        ({"metric": "log_loss", "min": 0.4}, True),
        ({"metric": "accuracy", "min": 0.55, "slice": {"origin": "JFK"}}, True),
        ({"metric": "accuracy", "min": 0.65, "slice": {"origin": "JFK"}}, False),
        # The order of a slice's columns, and a number written as such, make no difference.
        ({"metric": "accuracy", "min": 0.4, "slice": {"origin": "JFK", "carrier": "AA"}}, True),
        ({"metric": "accuracy", "min": 0.5, "slice": {"carrier": "AA", "origin": "JFK"}}, False),
        ({"metric": "accuracy", "min": 0.5, "slice": {"hour": 7}}, True),
        ({"metric": "accuracy", "min": 0.5, "slice": {"hour": 7.0}}, True),
        # No labelled row, a value that does not occur, a metric that is not defined there.
        ({"metric": "accuracy", "min": 0.0, "slice": {"origin": "EWR"}}, False),
        ({"metric": "accuracy", "min": 0.0, "slice": {"origin": "LGA"}}, False),
        ({"metric": "auc", "min": 0.0, "slice": {"origin": "JFK"}}, False),
        ({"metric": "auc", "max": 1.0, "slice": {"origin": "JFK"}}, False),
        ({"metric": "macro_f1", "max_drop": 1.0}, False),
    ],
)
def test_bounds_hold_or_not(gate, ok):
    outcome = judge(gate)
    assert ok == outcome.ok
    assert ok == (outcome.reason == "")


@pytest.mark.parametrize(
    ("gate", "baseline", "ok"),
    [
        ({"metric": "auc", "max_drop": 0.04}, BASELINE, True),
        ({"metric": "auc", "max_drop": 0.02}, BASELINE, False),
        # More is worse.
        ({"metric": "log_loss", "max_drop": 0.06}, BASELINE, True),
        ({"metric": "log_loss", "max_drop": 0.04}, BASELINE, False),
        # A candidate that is better passes any bound.
        ({"metric": "accuracy", "max_drop": 0.0}, BASELINE, True),
        ({"metric": "accuracy", "max_drop": 0.2, "slice": {"origin": "JFK"}}, BASELINE, True),
        ({"metric": "accuracy", "max_drop": 0.1, "slice": {"origin": "JFK"}}, BASELINE, False),
        # Nothing to compare with: no baseline, none for the head, or none for the metric.
        ({"metric": "auc", "max_drop": 0.0}, None, True),
        ({"metric": "auc", "max_drop": 0.0}, {}, True),
        ({"metric": "ece", "max_drop": 0.0}, BASELINE, True),
        # Both bounds of one gate count.
        ({"metric": "auc", "min": 0.9, "max_drop": 0.04}, BASELINE, False),
        ({"metric": "auc", "min": 0.9, "max_drop": 0.04}, None, False),
    ],
)
def test_max_drop_compares_with_the_baseline(gate, baseline, ok):
    assert ok == judge(gate, baseline).ok


@pytest.mark.parametrize("gate", [{"min": 0.0}, {"max": 1.0}, {"max_drop": 1.0}])
def test_nan_holds_no_gate(gate):
    nan = float("nan")
    results = Results({"late": {(): {"auc": nan}}}, {})
    outcomes = verdict.judge(
        {"late": (Gate(metric="auc", **gate),)}, results, Results({"late": {(): {"auc": 0.5}}}, {})
    )
    assert not outcomes["late"][0].ok


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ({"metric": "auc", "min": 0.81}, "auc is 0.8000, below min 0.81"),
        ({"metric": "ece", "max": 0.01}, "ece is 0.0200, above max 0.01"),
        (
            {"metric": "auc", "max_drop": 0.02},
            "auc is 0.8000, worse than the baseline's 0.8300 by more than 0.02",
        ),
        (
            {"metric": "auc", "min": 0.9, "max_drop": 0.02},
            "auc is 0.8000, below min 0.9; auc is 0.8000, worse than the baseline's 0.8300 by more than 0.02",
        ),
        (
            {"metric": "accuracy", "min": 0.65, "slice": {"origin": "JFK"}},
            "accuracy on origin=JFK is 0.6000, below min 0.65",
        ),
        (
            {"metric": "auc", "min": 0.1, "slice": {"origin": "LGA"}},
            "auc on origin=LGA is undefined: no labelled rows, rows of one class only, or scores that are not numbers",
        ),
    ],
)
def test_the_reason_says_metric_slice_value_and_bound(gate, reason):
    assert reason == judge(gate, BASELINE).reason


def test_an_outcome_holds_value_and_baseline_in_the_form_of_the_report():
    expected = {
        "metric": "accuracy",
        "slice": {"origin": "JFK"},
        "min": 0.5,
        "max": None,
        "max_drop": 0.2,
        "value": 0.6,
        "baseline": 0.75,
        "ok": True,
        "reason": "",
    }
    gate = {"metric": "accuracy", "min": 0.5, "max_drop": 0.2, "slice": {"origin": "JFK"}}
    assert expected == judge(gate, BASELINE).to_dict()


def test_a_model_is_blessed_if_every_gate_of_every_head_holds():
    good, bad = judge({"metric": "auc", "min": 0.1}), judge({"metric": "auc", "min": 0.9})
    assert verdict.blessed({"late": [good, good], "lost": [good], "free": []})
    assert verdict.blessed({"free": []})
    assert not verdict.blessed({"late": [good], "lost": [good, bad]})
    assert not verdict.blessed({"late": [dataclasses.replace(good, ok=False)], "lost": [good]})


def test_every_head_is_judged_by_its_own_results():
    gates = {"late": (Gate(metric="auc", min=0.7),), "lost": (Gate(metric="auc", min=0.7),), "free": ()}
    results = Results({"late": {(): {"auc": 0.8}}, "lost": {(): {"auc": 0.6}}, "free": {(): {"auc": 0.1}}}, {})
    outcomes = verdict.judge(gates, results, None)
    assert {h: [o.ok for o in found] for h, found in outcomes.items()} == {"late": [True], "lost": [False], "free": []}
