import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.evaluator import summary
from components.evaluator.exported import ExportedHead
from components.evaluator.results import Results
from components.evaluator.verdict import GateResult
from schema.task import Gate


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


@pytest.fixture
def report():
    results = Results(
        heads={
            "late": {
                (("origin", "JFK"),): {"labelled": 4.0, "accuracy": 0.5},
                (): {"labelled": 10.0, "accuracy": 0.75, "auc": 0.8},
                (("origin", "EWR"),): {"labelled": 6.0, "accuracy": 0.9},
            },
            "lost": {(): {"labelled": 12.0, "auc": 0.6}},
        },
        joint={"exact_match": 0.5},
    )
    labelled = {"late": {"train": 80, "eval": 9, "test": 10}, "lost": {"train": 100, "eval": 12, "test": 12}}
    outcome = GateResult(Gate(metric="auc", min=0.7), 0.6, None, False, "too low")
    heads = {
        "late": ExportedHead("multiclass", ("no", "yes"), (0.75, 0.25)),
        "lost": ExportedHead("multilabel", ("a", "b", "c"), (0.5, 0.5, 0.4)),
    }
    return summary.summarize(heads, labelled, results, {"late": [], "lost": [outcome]})


def test_a_heads_part_is_that_of_design_md(report):
    assert report["heads"]["late"] == {
        "type": "multiclass",
        "classes": ["no", "yes"],
        "thresholds": {"no": 0.75, "yes": 0.25},
        "labelled": {"train": 80, "eval": 9, "test": 10},
        "overall": {"accuracy": 0.75, "auc": 0.8},
        "slices": [
            {"slice": {"origin": "EWR"}, "labelled": 6, "metrics": {"accuracy": 0.9}},
            {"slice": {"origin": "JFK"}, "labelled": 4, "metrics": {"accuracy": 0.5}},
        ],
        "gates": [],
    }
    assert report["joint"] == {"exact_match": 0.5}


def test_a_multilabel_head_has_a_threshold_per_tag(report):
    lost = report["heads"]["lost"]
    assert lost["type"] == "multilabel"
    assert lost["thresholds"] == {"a": 0.5, "b": 0.5, "c": 0.4}


def test_gates_are_listed_with_their_outcome(report):
    (gate,) = report["heads"]["lost"]["gates"]
    assert gate["reason"] == "too low"
    assert (gate["metric"], gate["min"], gate["value"], gate["ok"]) == ("auc", 0.7, 0.6, False)
