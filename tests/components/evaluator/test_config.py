import json

import pytest

from components.evaluator import config
from schema.task import Gate

HEADS = {"zebra": 2, "apple": 4}
SLICES = [("origin",), ("carrier", "origin")]


def metrics_by_spec(eval_config):
    """Returns (outputs, models, metric, its configuration) of every MetricsSpec."""
    return [
        (list(spec.output_names), list(spec.model_names), metric.class_name, json.loads(metric.config))
        for spec in eval_config.metrics_specs
        for metric in spec.metrics
    ]


def test_every_head_has_its_metrics_its_label_and_its_mask():
    found = config.eval_config(HEADS, SLICES)
    (model,) = found.model_specs
    assert dict(model.label_keys) == {"zebra": "zebra_label", "apple": "apple_label"}
    assert dict(model.example_weight_keys) == {"zebra": "zebra_labelled", "apple": "apple_labelled"}
    assert (
        model.name,
        model.signature_name,
        list(model.preprocessing_function_names),
    ) == ("", "evaluation", ["transform_features"])
    assert metrics_by_spec(found) == [
        (["zebra"], [], "HeadMetrics", {"num_classes": 2}),
        (["apple"], [], "HeadMetrics", {"num_classes": 4}),
        ([], [], "JointMetrics", {}),
    ]


def test_slices_are_the_whole_and_those_asked_for():
    found = config.eval_config(HEADS, SLICES).slicing_specs
    assert [list(spec.feature_keys) for spec in found] == [[], ["origin"], ["carrier", "origin"]]


def test_a_baseline_is_asked_only_for_the_heads_that_both_have():
    found = config.eval_config(HEADS, [], frozenset({"apple"}))
    candidate, baseline = found.model_specs
    assert [(m.name, m.is_baseline) for m in (candidate, baseline)] == [("candidate", False), ("baseline", True)]
    assert {"zebra", "apple"} == set(candidate.label_keys) == set(candidate.example_weight_keys)
    assert {"apple"} == set(baseline.label_keys) == set(baseline.example_weight_keys)
    assert metrics_by_spec(found) == [
        (["zebra"], ["candidate"], "HeadMetrics", {"num_classes": 2}),
        (["apple"], ["candidate", "baseline"], "HeadMetrics", {"num_classes": 4}),
        ([], ["candidate"], "JointMetrics", {}),
    ]


def test_nothing_has_a_threshold_because_tfma_gives_no_verdict_here():
    found = config.eval_config(HEADS, SLICES, frozenset(HEADS))
    for spec in found.metrics_specs:
        assert not spec.thresholds
        assert not [metric for metric in spec.metrics if metric.HasField("threshold") or metric.per_slice_thresholds]


@pytest.mark.parametrize(
    ("slices", "gate_slices", "expected"),
    [
        ((), [{}], []),
        ((("origin",), ("origin", "carrier")), [{}], [("origin",), ("carrier", "origin")]),
        # A gate on a slice that nobody asked for adds it, once.
        ((("origin",),), [{"hour": 7}, {"hour": 8}, {}], [("origin",), ("hour",)]),
        ((("origin", "carrier"),), [{"carrier": "AA", "origin": "JFK"}], [("carrier", "origin")]),
        ((("origin", "carrier"), ("carrier", "origin")), [], [("carrier", "origin")]),
    ],
)
def test_slice_keys_are_those_of_slices_and_gates_once_each(sample, slices, gate_slices, expected):
    gates = tuple(Gate(metric="auc", min=0.5, slice=columns) for columns in gate_slices)
    task = sample.task.model_copy(update={"slices": slices, "gates": {"zone": gates, "mood": ()}})
    assert expected == config.slice_keys(task)
