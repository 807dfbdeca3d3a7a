import pytest

from components.evaluator import config
from components.exported import ExportedHead
from schema.gates import Gate

ZEBRA = ExportedHead("multiclass", ("no", "yes"), (0.7, 0.3))
APPLE = ExportedHead("multilabel", ("red", "ripe", "big"), (0.5, 0.2, 0.6))
HEADS = {"zebra": ZEBRA, "apple": APPLE}
SLICES = [("origin",), ("carrier", "origin")]


def eval_config(candidate, slices, baseline=None):
    return config.eval_config(config.slicing_config(slices), config.models_of(candidate, baseline or {}))


def test_every_head_has_its_label_and_its_mask():
    found = eval_config(HEADS, SLICES)
    (model,) = found.model_specs
    assert dict(model.label_keys) == {"zebra": "zebra_label", "apple": "apple_label"}
    assert dict(model.example_weight_keys) == {"zebra": "zebra_labelled", "apple": "apple_labelled"}
    assert (
        model.name,
        model.signature_name,
        list(model.preprocessing_function_names),
    ) == ("", "evaluation", ["transform_features"])


def test_slices_are_the_whole_and_those_asked_for():
    found = eval_config(HEADS, SLICES).slicing_specs
    assert [list(spec.feature_keys) for spec in found] == [[], ["origin"], ["carrier", "origin"]]


def test_a_baseline_is_asked_only_for_the_heads_that_both_have():
    found = eval_config(HEADS, [], {"apple": APPLE})
    candidate, baseline = found.model_specs
    assert [(m.name, m.is_baseline) for m in (candidate, baseline)] == [("candidate", False), ("baseline", True)]
    assert {"zebra", "apple"} == set(candidate.label_keys) == set(candidate.example_weight_keys)
    assert {"apple"} == set(baseline.label_keys) == set(baseline.example_weight_keys)


def test_tfma_computes_nothing_and_gives_no_verdict():
    assert not eval_config(HEADS, SLICES, HEADS).metrics_specs


@pytest.mark.parametrize(
    ("slices", "gate_slices", "expected"),
    [
        ((), [{}], []),
        ((("origin",), ("origin", "carrier")), [{}], [("origin",), ("carrier", "origin")]),
        # A gate on every value of columns asks for them, too.
        ((), ["origin"], [("origin",)]),
        ((("origin",),), ["origin", ("origin", "carrier")], [("origin",), ("carrier", "origin")]),
        # A gate on a slice that nobody asked for adds it, once.
        ((("origin",),), [{"hour": 7}, {"hour": 8}, {}], [("origin",), ("hour",)]),
        ((("origin", "carrier"),), [{"carrier": "AA", "origin": "JFK"}], [("carrier", "origin")]),
        ((("origin", "carrier"), ("carrier", "origin")), [], [("carrier", "origin")]),
    ],
)
def test_slice_keys_are_those_of_slices_and_gates_once_each(sample, slices, gate_slices, expected):
    gates = tuple(Gate(metric="auc", min=0.5, slice=columns) for columns in gate_slices)
    for owner in ("zone", "joint"):
        task = sample.task.model_copy(update={"slices": slices, "gates": {owner: gates, "mood": ()}})
        assert expected == config.slice_keys(task)
