"""The executors of Evaluator and Report, on the evaluations of conftest.py."""

import json
from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.evaluator import executor as tfx_executor
from tfx.types import standard_artifacts

from components.evaluator.component import HeadReport, ReportExecutor
from components.evaluator.exported import exported_heads
from components.trainer.export import HEADS_FILE
from schema.task import Gate

COUNTS = {"train": 800, "eval": 100, "test": 200}


def test_exported_heads_are_those_of_the_task(sample, exported):
    found = exported_heads(str(exported))
    assert {head: (sample.task.heads[head].type, classes) for head, classes in sample.classes.items()} == {
        head: (described.type, described.classes) for head, described in found.items()
    }


def test_a_baseline_is_compared_on_the_heads_whose_classes_agree(compared, cold):
    heads = [json.loads(e.get_string_custom_property("baseline_heads")) for e in (compared, cold)]
    assert heads == [["fit", "mood", "tags", "zone"], []]


def test_without_a_comparable_head_tfx_is_given_no_baseline(evaluate, monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr(tfx_executor.Executor, "Do", lambda _, inputs, outputs, properties: given.update(inputs))
    folder = tmp_path / "Format-Serving" / "assets.extra"
    folder.mkdir(parents=True)
    (folder / HEADS_FILE).write_text(json.dumps({"heads": {"zone": ["in", "elsewhere"]}}))
    evaluate(tmp_path)
    assert {"examples", "model", "schema"} == set(given)


@pytest.fixture
def report(sample, tmp_path):
    """Runs the Report's executor; returns report.json and the blessing."""

    def run(evaluation, gates):
        def artifact(kind, name):
            made = kind()
            made.uri = str(tmp_path / name)
            return made

        statistics = artifact(standard_artifacts.ExampleStatistics, "statistics")
        statistics.split_names = json.dumps(list(COUNTS))
        for split, rows in COUNTS.items():
            file = Path(statistics.uri) / f"Split-{split}" / "FeatureStats.pb"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(statistics_of(sample.task.heads, rows).SerializeToString())
        task = sample.task.model_copy(update={"gates": dict.fromkeys(sample.task.heads, ()) | gates})
        blessing = artifact(standard_artifacts.ModelBlessing, "blessing")
        ReportExecutor().Do(
            {"evaluation": [evaluation], "statistics": [statistics]},
            {"blessing": [blessing], "report": [artifact(HeadReport, "report")]},
            {"task": task.to_json(), "fingerprint": ""},
        )
        return json.loads((tmp_path / "report" / "report.json").read_text()), blessing

    return run


def statistics_of(heads, rows):
    """Returns statistics in which every head is labelled in all rows but one."""
    found = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = found.datasets.add(num_examples=rows)
    for head in heads:
        feature = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
        feature.path.step.append(head)
        feature.string_stats.common_stats.num_non_missing = rows - 1
    return found


def test_a_report_says_per_head_what_design_md_promises(sample, cold, report):
    written, _ = report(cold, {})
    assert {"blessed", "heads", "joint"} == set(written)
    assert {"exact_match", "hamming_loss"} == set(written["joint"])
    assert list(sample.task.heads) == list(written["heads"])
    zone = written["heads"]["zone"]
    assert {"type", "classes", "thresholds", "labelled", "overall", "slices", "gates"} == set(zone)
    assert (zone["type"], written["heads"]["tags"]["type"]) == ("multiclass", "multilabel")
    assert list(sample.classes["tags"]) == list(written["heads"]["tags"]["thresholds"])
    assert zone["labelled"] == {"train": 799, "eval": 99, "test": 199}
    metrics = {"accuracy", "balanced_accuracy", "auc", "macro_f1", "log_loss", "ece", "ece_uncalibrated"}
    assert metrics == set(zone["overall"])
    assert {"ece", "ece_uncalibrated"} < set(zone["slices"][0]["metrics"])
    assert {"city": "oslo"} in [entry["slice"] for entry in zone["slices"]]
    without = [entry for entry in written["heads"]["fit"]["slices"] if entry["slice"] == {"city": "lima"}]
    assert without == [{"slice": {"city": "lima"}, "labelled": 0, "metrics": {}}]


@pytest.mark.parametrize(("minimum", "ok"), [(0.0, True), (1.0, False)])
def test_gates_decide_the_blessing(cold, report, tmp_path, minimum, ok):
    gates = {"zone": (Gate(metric="accuracy", min=minimum),), "fit": (Gate(metric="accuracy", min=0.0),)}
    written, blessing = report(cold, gates)
    assert ok is written["blessed"]
    assert int(ok) == blessing.get_int_custom_property("blessed")
    assert ["BLESSED" if ok else "NOT_BLESSED"] == [file.name for file in Path(blessing.uri).iterdir()]
    (gate,) = written["heads"]["zone"]["gates"]
    assert (ok, minimum, written["heads"]["zone"]["overall"]["accuracy"]) == (gate["ok"], gate["min"], gate["value"])


def test_a_gate_on_a_slice_without_labelled_rows_fails(cold, report):
    written, _ = report(cold, {"fit": (Gate(metric="accuracy", min=0.0, slice={"city": "lima"}),)})
    assert not written["blessed"]
    assert "no labelled rows" in written["heads"]["fit"]["gates"][0]["reason"]


def test_max_drop_is_against_the_baseline_where_there_is_one(cold, compared, report):
    gates = dict.fromkeys(("zone", "kind"), (Gate(metric="accuracy", max_drop=0.0),))
    for evaluated, baselines in ((cold, [None, None]), (compared, [..., None])):
        written, _ = report(evaluated, gates)
        outcomes = [written["heads"][head]["gates"][0] for head in ("zone", "kind")]
        assert written["blessed"]
        expected = [outcome["value"] if b is ... else b for outcome, b in zip(outcomes, baselines, strict=True)]
        assert expected == [outcome["baseline"] for outcome in outcomes]
