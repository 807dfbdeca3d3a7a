import dataclasses

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.evaluator import summary
from components.evaluator.results import Results
from components.evaluator.verdict import GateResult, Verdict
from components.exported import ExportedHead
from schema.gates import Gate


def statistics(**non_missing):
    """Returns statistics of text columns with so many values each."""
    found = statistics_pb2.DatasetFeatureStatisticsList()
    features = found.datasets.add(num_examples=100).features
    for i, (name, count) in enumerate(non_missing.items()):
        feature = features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
        feature.string_stats.common_stats.num_non_missing = count
        # TFDV writes names or paths, by version.
        if i % 2:
            feature.name = name
        else:
            feature.path.step.append(name)
    return found


def test_labelled_rows_are_counted_by_head_and_split():
    by_split = {"train": statistics(late=80, lost=100, carrier=90), "test": statistics(lost=10, late=7)}
    expected = {"late": {"train": 80, "test": 7}, "lost": {"train": 100, "test": 10}}
    assert expected == summary.labelled_rows(by_split, ["late", "lost"])


def test_a_split_without_the_label_column_has_no_labelled_row():
    assert summary.labelled_rows({"train": statistics(lost=3), "test": statistics()}, ["lost"]) == {
        "lost": {"train": 3, "test": 0}
    }


HEADS = {
    "late": ExportedHead("multiclass", ("no", "yes"), (0.75, 0.25)),
    "lost": ExportedHead("multilabel", ("a", "b", "c"), (0.5, 0.5, 0.4)),
}
CANDIDATE = Results(
    heads={
        "late": {
            (("origin", "JFK"),): {"labelled": 4.0, "accuracy": 0.5},
            (): {"labelled": 10.0, "accuracy": 0.75, "auc": 0.8},
            (("origin", "EWR"),): {"labelled": 6.0, "accuracy": 0.9},
        },
        "lost": {(): {"labelled": 12.0, "auc": 0.6}},
    },
    joint={
        (): {"labelled": 13.0, "exact_match": 0.5},
        (("origin", "JFK"),): {"labelled": 5.0, "exact_match": 0.4},
    },
    association=[{"heads": ["late", "lost"], "variables": [0, 2], "true": 0.5, "predicted": 0.25, "labelled": 9}],
)
BASELINE = Results({"late": {(): {"labelled": 10.0, "accuracy": 0.7}}}, {})
LABELLED = {"late": {"train": 80, "eval": 9, "test": 10}, "lost": {"train": 100, "eval": 12, "test": 12}}


def summarize(baseline=BASELINE, uncompared=(("lost", "the head is new"), ("joint", "lost has no baseline"))):
    refused = GateResult(Gate(metric="auc", min=0.7), {}, 12, 0.6, None, "too low")
    held = GateResult(Gate(metric="exact_match", min=0.1), {}, 13, 0.5, None, "")
    found = Verdict({"late": [], "lost": [refused], "joint": [held]}, ("rolled back",))
    return summary.summarize(HEADS, LABELLED, CANDIDATE, baseline, found, dict(uncompared))


@pytest.fixture
def report():
    return summarize()


def test_a_heads_part_is_that_of_design_md(report):
    assert report["heads"]["late"] == {
        "type": "multiclass",
        "classes": ["no", "yes"],
        "thresholds": {"no": 0.75, "yes": 0.25},
        "labelled": {"train": 80, "eval": 9, "test": 10},
        "overall": {"accuracy": 0.75, "auc": 0.8},
        "baseline": {"accuracy": 0.7},
        "note": None,
        "slices": [
            {"slice": {"origin": "EWR"}, "labelled": 6, "metrics": {"accuracy": 0.9}},
            {"slice": {"origin": "JFK"}, "labelled": 4, "metrics": {"accuracy": 0.5}},
        ],
        "gates": [],
        "confusion": None,
        "reliability": None,
        "score_histogram": None,
    }


def test_what_is_said_of_all_heads_together(report):
    assert report["joint"] == {"exact_match": 0.5}
    assert report["joint_slices"] == [{"slice": {"origin": "JFK"}, "labelled": 5, "metrics": {"exact_match": 0.4}}]
    assert [gate["metric"] for gate in report["joint_gates"]] == ["exact_match"]
    assert report["joint_baseline"] is None
    assert report["association"] == [
        {"heads": ["late", "lost"], "tags": [None, "c"], "true": 0.5, "predicted": 0.25, "labelled": 9}
    ]


def test_a_head_that_is_not_compared_has_no_baseline_and_a_note(report):
    lost = report["heads"]["lost"]
    assert (lost["baseline"], lost["note"]) == (None, "the head is new")
    # If none is, that is said once, and not by every head.
    cold = summarize(None, dict.fromkeys(("late", "lost", "joint"), "no baseline").items())
    assert [head["note"] for head in cold["heads"].values()] == [None, None]
    assert [head["baseline"] for head in cold["heads"].values()] == [None, None]


def test_a_baseline_with_every_head_has_joint_metrics():
    both = dataclasses.replace(BASELINE, joint={(): {"labelled": 13.0, "exact_match": 0.6}})
    assert summarize(both, ())["joint_baseline"] == {"exact_match": 0.6}


def test_a_multilabel_head_has_a_threshold_per_tag(report):
    lost = report["heads"]["lost"]
    assert lost["type"] == "multilabel"
    assert lost["thresholds"] == {"a": 0.5, "b": 0.5, "c": 0.4}


def test_the_verdict_and_its_reasons_are_listed(report):
    (gate,) = report["heads"]["lost"]["gates"]
    assert gate["reason"] == "too low"
    assert (gate["metric"], gate["min"], gate["value"], gate["ok"]) == ("auc", 0.7, 0.6, False)
    assert (report["blessed"], report["refusals"]) == (False, ["rolled back"])
