"""The verdict on every kind of gate, on results that are plain data."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluator import verdict
from components.evaluator.results import Results
from schema.gates import JOINT, JOINT_METRICS, METRICS, Gate

ALL, JFK, EWR, LGA = (), (("origin", "JFK"),), (("origin", "EWR"),), (("origin", "LGA"),)
NAN = float("nan")


def judge(gate, candidate, baseline=None, owner="late", uncompared="no baseline"):
    """Returns the outcomes of one gate on metrics by slice of its owner."""

    def results(by_slice):
        return Results({}, by_slice) if owner == JOINT else Results({owner: by_slice}, {})

    before = None if baseline is None else results(baseline)
    reasons = {} if baseline else {owner: uncompared}
    return verdict.judge({owner: (Gate(**gate),)}, results(candidate), before, reasons).gates[owner]


def rows(labelled=1000, **metrics):
    """Returns what is known of a slice; a metric that is NaN is left out, as TFMA's results leave it out."""
    defined = {name: value for name, value in metrics.items() if not (value is not None and math.isnan(value))}
    return {"labelled": float(labelled), **defined}


# Where a gate looks, and the slices that it then looks at.
PLACES = {
    "overall": ({}, [ALL]),
    "slice": ({"slice": {"origin": "JFK"}}, [JFK]),
    "every value": ({"slice": "origin"}, [JFK, EWR]),
}
OWNERS = {"late": [("auc", "higher"), ("ece", "lower")], JOINT: [("exact_match", "higher"), ("hamming_loss", "lower")]}
# A bound; values of the metric, where more is better and where less is, of a candidate that passes and one that fails.
BOUNDS = {
    "min": ({"min": 0.5}, (0.5, 0.49), (0.5, 0.49)),
    "max": ({"max": 0.5}, (0.5, 0.51), (0.5, 0.51)),
    "max_drop": ({"max_drop": 0.125}, (0.375, 0.37), (0.625, 0.63)),  # Against a baseline of 0.5.
}
CASES = [
    (owner, metric, better, place, bound)
    for owner, metrics in OWNERS.items()
    for (metric, better), place, bound in itertools.product(metrics, PLACES, BOUNDS)
]


class Case:
    """One kind of gate, judged on a candidate that has one value and count in all the slices that it looks at."""

    def __init__(self, owner, metric, better, place, bound):
        self.owner, self.metric, self.place, self.bound = owner, metric, place, bound
        self.slices = PLACES[place][1]
        self.gate = {"metric": metric, **BOUNDS[bound][0], **PLACES[place][0]}
        self.good, self.bad = BOUNDS[bound][1 if better == "higher" else 2]

    def outcomes(self, value, labelled=1000, baseline=0.5, **more):
        candidate = {
            key: {"labelled": float(labelled), **({self.metric: value} if labelled else {})} for key in self.slices
        }
        before = None if baseline is None else {key: rows(**{self.metric: baseline}) for key in self.slices}
        found = judge({**self.gate, **more}, candidate, before, self.owner)
        # A reason and a refusal go together, always.
        assert [outcome.ok for outcome in found] == [outcome.reason == "" for outcome in found]
        assert found
        return found


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case))
def case(request):
    return Case(*request.param)


class TestEveryKindOfGate:
    """Each passes, fails, has no labelled row, has no baseline, has a NaN."""

    def test_passes(self, case):
        found = case.outcomes(case.good)
        assert [outcome.ok for outcome in found] == [True] * len(case.slices)
        assert {(outcome.value, outcome.baseline, outcome.labelled) for outcome in found} == {(case.good, 0.5, 1000)}

    def test_fails(self, case):
        found = case.outcomes(case.bad)
        assert [outcome.ok for outcome in found] == [False] * len(case.slices)
        assert all(outcome.reason.startswith(case.metric) and f"{case.bad:.4f}" in outcome.reason for outcome in found)

    def test_no_labelled_row(self, case):
        [outcome] = case.outcomes(NAN, labelled=0)
        assert not outcome.ok
        assert "undefined: no " in outcome.reason
        assert "labelled rows" in outcome.reason
        assert outcome.value is None

    def test_no_baseline(self, case):
        good, bad = case.outcomes(case.good, baseline=None), case.outcomes(case.bad, baseline=None)
        assert all(outcome.ok for outcome in good)
        # The drop alone cannot be judged; and the outcome says so.
        assert [outcome.ok for outcome in bad] == [case.bound == "max_drop"] * len(bad)
        note = "max_drop not applied: no baseline" if case.bound == "max_drop" else ""
        assert {outcome.note for outcome in good + bad} == {note}

    @pytest.mark.parametrize("value", [NAN, float("inf"), float("-inf")])
    @pytest.mark.parametrize("baseline", [0.5, None])
    def test_no_number(self, case, value, baseline):
        for outcome in case.outcomes(value, baseline=baseline):
            assert not outcome.ok
            assert outcome.value is None
            assert "undefined over its 1000 labelled rows: " in outcome.reason
            assert outcome.reason.endswith("scores that are not numbers")

    def test_a_baseline_without_a_number_keeps_no_model_out(self, case):
        found = case.outcomes(case.good, baseline=NAN)
        assert all(outcome.ok for outcome in found)
        if case.bound == "max_drop":
            assert all("is undefined for the baseline" in outcome.note for outcome in found)

    def test_too_few_labelled_rows(self, case):
        for min_labelled, ok in ((99, True), (100, False)):
            found = case.outcomes(case.good, labelled=99, min_labelled=min_labelled)
            assert {outcome.ok for outcome in found} == {ok}
            assert all(ok or "min_labelled" in outcome.reason for outcome in found)
        # Where nothing is said, values of a column need 100, and whatever else a gate names one.
        assert {outcome.ok for outcome in case.outcomes(case.good, labelled=99)} == {case.place != "every value"}


class TestEveryValue:
    CANDIDATE = {
        ALL: rows(3000, accuracy=0.8),
        JFK: rows(1000, accuracy=0.9),
        EWR: rows(100, accuracy=0.6),
        LGA: rows(99, accuracy=0.1),
        (("carrier", "AA"), ("origin", "JFK")): rows(400, accuracy=0.5),
        (("carrier", "AA"),): rows(400, accuracy=0.0),
    }

    def test_values_of_enough_rows_decide_each_for_itself(self):
        found = judge({"metric": "accuracy", "min": 0.7, "slice": "origin"}, self.CANDIDATE)
        assert [(outcome.slice, outcome.ok) for outcome in found] == [
            ({"origin": "EWR"}, False),
            ({"origin": "JFK"}, True),
        ]
        assert found[0].reason == "accuracy on origin=EWR is 0.6000, below min 0.7"

    def test_fewer_rows_decide_if_the_gate_says_so(self):
        gate = {"metric": "accuracy", "min": 0.5, "slice": "origin", "min_labelled": 99}
        assert [outcome.ok for outcome in judge(gate, self.CANDIDATE)] == [True, True, False]

    @pytest.mark.parametrize("columns", [("origin", "carrier"), ("carrier", "origin")])
    def test_combinations_of_columns_in_any_order(self, columns):
        [outcome] = judge({"metric": "accuracy", "min": 0.7, "slice": columns}, self.CANDIDATE)
        assert (outcome.slice, outcome.ok) == ({"carrier": "AA", "origin": "JFK"}, False)

    @pytest.mark.parametrize(("candidate", "most"), [(CANDIDATE, 1000), ({ALL: rows(accuracy=1.0)}, 0)])
    def test_if_no_value_has_enough_the_gate_refuses_and_says_so(self, candidate, most):
        gate = {"metric": "accuracy", "min": 0.0, "slice": "origin", "min_labelled": 2000}
        [outcome] = judge(gate, candidate)
        assert not outcome.ok
        assert outcome.reason == (
            "accuracy on every value of origin is undefined: no value has 2000 labelled rows (min_labelled), "
            f"the most is {most}"
        )
        assert outcome.to_dict()["slice"] == {"origin": "*"}

    def test_a_value_that_is_not_defined_refuses_among_others_that_hold(self):
        found = judge({"metric": "auc", "min": 0.0, "slice": "origin"}, {JFK: rows(auc=0.9), EWR: rows(accuracy=0.9)})
        assert [outcome.ok for outcome in found] == [False, True]

    def test_each_value_is_compared_with_its_own_of_the_baseline(self):
        before = {JFK: rows(accuracy=0.95), EWR: rows(accuracy=0.61)}
        found = judge({"metric": "accuracy", "max_drop": 0.02, "slice": "origin"}, self.CANDIDATE, before)
        assert [(outcome.baseline, outcome.ok) for outcome in found] == [(0.61, True), (0.95, False)]


@pytest.mark.parametrize(
    "columns",
    [
        {"origin": "JFK", "carrier": "AA"},
        {"carrier": "AA", "origin": "JFK"},
    ],
)
def test_the_order_of_a_slices_columns_makes_no_difference(columns):
    key = (("carrier", "AA"), ("origin", "JFK"))
    assert judge({"metric": "accuracy", "min": 0.4, "slice": columns}, {key: rows(accuracy=0.4)})[0].ok


@pytest.mark.parametrize("hour", [7, 7.0, "7"])
def test_a_number_is_written_as_tfma_writes_it(hour):
    gate = {"metric": "accuracy", "min": 0.5, "slice": {"hour": hour}}
    assert judge(gate, {(("hour", "7"),): rows(accuracy=0.9)})[0].ok


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ({"metric": "auc", "min": 0.81}, "auc is 0.8000, below min 0.81"),
        ({"metric": "ece", "max": 0.01}, "ece is 0.0200, above max 0.01"),
        ({"metric": "auc", "max_drop": 0.02}, "auc is 0.8000, worse than the baseline's 0.8300 by more than 0.02"),
        (
            {"metric": "auc", "min": 0.9, "max_drop": 0.02},
            "auc is 0.8000, below min 0.9; auc is 0.8000, worse than the baseline's 0.8300 by more than 0.02",
        ),
        ({"metric": "auc", "min": 0.7, "max": 0.75}, "auc is 0.8000, above max 0.75"),
        (
            {"metric": "auc", "min": 0.65, "slice": {"origin": "JFK"}},
            "auc on origin=JFK is 0.6000, below min 0.65",
        ),
        ({"metric": "auc", "min": 0.1, "slice": {"origin": "LGA"}}, "auc on origin=LGA is undefined: no labelled rows"),
        (
            {"metric": "ece", "min": 0.1, "slice": {"origin": "JFK"}},
            "ece on origin=JFK is undefined over its 1000 labelled rows: rows of one class only, or scores that are "
            "not numbers",
        ),
        (
            {"metric": "auc", "min": 0.1, "slice": {"origin": "JFK"}, "min_labelled": 1001},
            "auc on origin=JFK is not known: 1000 labelled rows, of which min_labelled wants 1001",
        ),
    ],
)
def test_the_reason_says_metric_slice_value_and_bound(gate, reason):
    candidate = {ALL: rows(auc=0.80, ece=0.02), JFK: rows(auc=0.60)}
    [outcome] = judge(gate, candidate, {ALL: rows(auc=0.83)})
    assert outcome.reason == reason


def test_label_consistency_says_that_two_heads_need_labels_of_the_same_rows():
    [outcome] = judge({"metric": "label_consistency", "max": 1}, {ALL: rows(exact_match=0.5)}, owner=JOINT)
    why = "no row with labels of two heads, or scores that are not numbers"
    assert outcome.reason == f"label_consistency is undefined over its 1000 labelled rows: {why}"


def test_a_candidate_that_is_better_passes_any_drop():
    for metric, before, now in (("accuracy", 0.5, 0.9), ("log_loss", 0.9, 0.5), ("label_consistency", 0.4, 0.1)):
        owner = JOINT if metric in JOINT_METRICS else "late"
        gate = {"metric": metric, "max_drop": 0.0}
        assert judge(gate, {ALL: rows(**{metric: now})}, {ALL: rows(**{metric: before})}, owner)[0].ok
        assert not judge(gate, {ALL: rows(**{metric: before})}, {ALL: rows(**{metric: now})}, owner)[0].ok


def test_a_head_that_is_not_compared_says_why():
    gates = {head: (Gate(metric="auc", max_drop=0.0),) for head in ("old", "new")}
    candidate = Results({head: {ALL: rows(auc=0.5)} for head in gates}, {})
    found = verdict.judge(gates, candidate, Results({"old": {ALL: rows(auc=0.9)}}, {}), {"new": "the head is new"})
    assert [found.gates[head][0].ok for head in gates] == [False, True]
    assert [found.gates[head][0].note for head in gates] == ["", "max_drop not applied: the head is new"]


def test_an_outcome_holds_everything_in_the_form_of_the_report():
    gate = {"metric": "accuracy", "min": 0.5, "max_drop": 0.2, "slice": {"origin": "JFK"}}
    [outcome] = judge(gate, {JFK: rows(accuracy=0.6)}, {JFK: rows(accuracy=0.75)})
    expected = {
        "metric": "accuracy",
        "slice": {"origin": "JFK"},
        "every": None,
        "min": 0.5,
        "max": None,
        "max_drop": 0.2,
        "min_labelled": 1,
        "labelled": 1000,
        "value": 0.6,
        "baseline": 0.75,
        "ok": True,
        "reason": "",
        "note": None,
    }
    assert outcome.to_dict() == expected
    [of_value] = judge({**gate, "slice": "origin"}, {JFK: rows(accuracy=0.6)})
    assert of_value.to_dict() == {
        **expected,
        "every": ["origin"],
        "min_labelled": 100,
        "baseline": None,
        "note": "max_drop not applied: no baseline",
    }


def test_every_head_is_judged_by_its_own_results():
    gates = {head: (Gate(metric="auc", min=0.7),) for head in ("late", "lost")} | {"free": ()}
    values = {"late": 0.8, "lost": 0.6, "free": 0.1}
    results = Results({head: {ALL: rows(auc=value)} for head, value in values.items()}, {})
    found = verdict.judge(gates, results, None, {})
    oks = {owner: [outcome.ok for outcome in outcomes] for owner, outcomes in found.gates.items()}
    assert oks == {"joint": [], "late": [True], "lost": [False], "free": []}
    assert not found.blessed


@pytest.mark.parametrize(
    ("minimum", "refusals", "blessed"), [(0.7, [], True), (0.7, ["revoked"], False), (0.9, [], False)]
)
def test_a_model_is_blessed_if_every_gate_holds_and_nothing_else_speaks_against_it(minimum, refusals, blessed):
    results = Results({"late": {ALL: rows(auc=0.8)}}, {})
    found = verdict.judge({"late": (Gate(metric="auc", min=minimum),)}, results, None, {}, refusals)
    assert (found.blessed, found.refusals) == (blessed, tuple(refusals))


@pytest.mark.parametrize(
    ("canary", "refusals"),
    [
        ({"ok": True, "failures": []}, []),
        ({"ok": False, "failures": ["a is wrong", "b, too"]}, ["canary: a is wrong", "canary: b, too"]),
        ({"ok": False, "failures": []}, ["canary: failed without saying why"]),
    ],
)
def test_what_the_canary_found_speaks_against_a_model(canary, refusals):
    assert verdict.canary_refusals(canary) == refusals


numbers = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, NAN, float("inf"), None])
slices = st.sampled_from([ALL, JFK, EWR, LGA, (("carrier", "AA"), ("origin", "JFK"))])


def metrics_by_slice(metrics):
    """Draws results of a head, or of all together: any metric may be absent or no number, any slice absent."""
    found = st.dictionaries(st.sampled_from(metrics), numbers, max_size=3)
    labelled = st.sampled_from([0.0, 1.0, 99.0, 100.0, 5000.0])
    return st.dictionaries(slices, st.builds(lambda n, m: {"labelled": n, **m}, labelled, found), max_size=4)


@st.composite
def gates_on(draw, metrics):
    bounds = draw(
        st.dictionaries(st.sampled_from(["min", "max", "max_drop"]), st.sampled_from([0.25, 0.5]), min_size=1)
    )
    if bounds.get("min", 0) > bounds.get("max", 1):
        del bounds["min"]
    where = draw(st.sampled_from([{}, {"origin": "JFK"}, "origin", ("origin", "carrier")]))
    min_labelled = draw(st.sampled_from([None, 1, 100]))
    return Gate(metric=draw(st.sampled_from(metrics)), slice=where, min_labelled=min_labelled, **bounds)


def results():
    return st.builds(lambda late, joint: Results({"late": late}, joint), metrics_by_slice(METRICS[:3]), joint_results)


joint_results = metrics_by_slice(JOINT_METRICS)


@given(
    late=st.lists(gates_on(METRICS[:3]), max_size=3),
    joint=st.lists(gates_on(JOINT_METRICS), max_size=3),
    candidate=results(),
    baseline=st.none() | results(),
    refusals=st.lists(st.sampled_from(["canary: no answer", "rolled back"]), max_size=1),
)
def test_nothing_is_blessed_that_anything_refused_and_nothing_refused_without_a_reason(
    late, joint, candidate, baseline, refusals
):
    gates = {"late": tuple(late), JOINT: tuple(joint)}
    found = verdict.judge(gates, candidate, baseline, {"late": "the head is new"}, refusals)
    outcomes = [outcome for of_owner in found.gates.values() for outcome in of_owner]
    reasons = [*found.refusals, *(outcome.reason for outcome in outcomes if outcome.reason)]
    assert found.blessed == (not reasons)
    assert found.blessed == (not refusals and all(outcome.ok for outcome in outcomes))
    # Every gate is judged, whatever there is to judge it by.
    assert all(any(outcome.gate is gate for outcome in found.gates[o]) for o, of in gates.items() for gate in of)
    for outcome in outcomes:
        number = outcome.value
        if outcome.ok:
            assert number is not None
            assert math.isfinite(number)
            assert outcome.labelled >= outcome.gate.labelled_needed
            assert outcome.gate.min is None or number >= outcome.gate.min
            assert outcome.gate.max is None or number <= outcome.gate.max
            assert outcome.gate.max_drop is None or outcome.baseline is not None or outcome.note
