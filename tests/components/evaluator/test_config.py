import json

import pytest

from components.evaluator import config
from components.exported import ExportedHead
from schema.gates import Gate

ZEBRA = ExportedHead("multiclass", ("no", "yes"), (0.7, 0.3))
APPLE = ExportedHead("multilabel", ("red", "ripe", "big"), (0.5, 0.2, 0.6))
HEADS = {"zebra": ZEBRA, "apple": APPLE}
SLICES = [("origin",), ("carrier", "origin")]
OF_ZEBRA = {"thresholds": [0.7, 0.3], "multilabel": False}
OF_APPLE = {"thresholds": [0.5, 0.2, 0.6], "multilabel": True}


def eval_config(heads, slices, baseline=None):
    return config.eval_config(config.slicing_config(slices), heads, baseline)


def metrics_by_spec(eval_config):
    """Returns (outputs, models, metric, its configuration) of every MetricsSpec."""
    return [
        (list(spec.output_names), list(spec.model_names), metric.class_name, json.loads(metric.config))
        for spec in eval_config.metrics_specs
        for metric in spec.metrics
    ]


def test_every_head_has_its_metrics_its_label_and_its_mask():
    found = eval_config(HEADS, SLICES)
    (model,) = found.model_specs
    assert dict(model.label_keys) == {"zebra": "zebra_label", "apple": "apple_label"}
    assert dict(model.example_weight_keys) == {"zebra": "zebra_labelled", "apple": "apple_labelled"}
    assert (
        model.name,
        model.signature_name,
        list(model.preprocessing_function_names),
    ) == ("", "evaluation", ["transform_features"])
    assert metrics_by_spec(found) == [
        (["zebra"], [], "HeadMetrics", OF_ZEBRA),
        (["apple"], [], "HeadMetrics", OF_APPLE),
        ([], [], "JointMetrics", {"heads": {"zebra": OF_ZEBRA, "apple": OF_APPLE}}),
    ]


def test_slices_are_the_whole_and_those_asked_for():
    found = eval_config(HEADS, SLICES).slicing_specs
    assert [list(spec.feature_keys) for spec in found] == [[], ["origin"], ["carrier", "origin"]]


def test_a_baseline_is_asked_only_for_the_heads_that_both_have_and_decides_by_its_own_thresholds():
    before = ExportedHead("multilabel", APPLE.classes, (0.4, 0.4, 0.4))
    found = eval_config(HEADS, [], {"apple": before})
    candidate, baseline = found.model_specs
    assert [(m.name, m.is_baseline) for m in (candidate, baseline)] == [("candidate", False), ("baseline", True)]
    assert {"zebra", "apple"} == set(candidate.label_keys) == set(candidate.example_weight_keys)
    assert {"apple"} == set(baseline.label_keys) == set(baseline.example_weight_keys)
    assert metrics_by_spec(found) == [
        (["zebra"], ["candidate"], "HeadMetrics", OF_ZEBRA),
        (["apple"], ["candidate"], "HeadMetrics", OF_APPLE),
        (["apple"], ["baseline"], "HeadMetrics", {"thresholds": [0.4, 0.4, 0.4], "multilabel": True}),
        ([], ["candidate"], "JointMetrics", {"heads": {"zebra": OF_ZEBRA, "apple": OF_APPLE}}),
    ]


def test_a_baseline_that_has_every_head_is_asked_about_all_of_them_in_the_order_of_the_candidate():
    before = {"apple": APPLE, "zebra": ExportedHead("multiclass", ZEBRA.classes, (0.5, 0.5))}
    found = [spec for spec in metrics_by_spec(eval_config(HEADS, [], before)) if spec[2] == "JointMetrics"]
    of_zebra = {"thresholds": [0.5, 0.5], "multilabel": False}
    assert found == [
        ([], ["candidate"], "JointMetrics", {"heads": {"zebra": OF_ZEBRA, "apple": OF_APPLE}}),
        ([], ["baseline"], "JointMetrics", {"heads": {"zebra": of_zebra, "apple": OF_APPLE}}),
    ]
    assert list(found[1][3]["heads"]) == ["zebra", "apple"]


def test_nothing_has_a_threshold_because_tfma_gives_no_verdict_here():
    found = eval_config(HEADS, SLICES, HEADS)
    for spec in found.metrics_specs:
        assert not spec.thresholds
        assert not [metric for metric in spec.metrics if metric.HasField("threshold") or metric.per_slice_thresholds]


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
