"""The executors of Evaluator and Report, on the evaluations of conftest.py."""

import json
import shutil
from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.types import standard_artifacts

from components.baseline.decision import write_decision
from components.canary.component import CanaryFindings
from components.evaluator.comparison import Comparison
from components.evaluator.component import HeadReport, ReportExecutor
from components.evaluator.evaluation import Evaluation
from components.evaluator.exported import exported_heads, read_heads
from components.exported import HEADS_FILE
from schema.errors import DataError
from schema.gates import Gate

COUNTS = {"train": 800, "eval": 100, "test": 200}
CANARY = {"ok": True, "failures": [], "checks": [], "latency": {}}


def test_exported_heads_are_those_of_the_task(sample, exported):
    found = exported_heads(str(exported))
    assert {head: (sample.task.heads[head].type, classes) for head, classes in sample.classes.items()} == {
        head: (described.type, described.classes) for head, described in found.items()
    }


def test_a_baseline_is_compared_on_the_heads_whose_classes_agree(compared, cold, exported):
    (_, heads), (_, none) = (read_heads(evaluation.uri) for evaluation in (compared, cold))
    assert none == {}
    assert set(heads) == {"fit", "kind", "mood", "tags", "zone"}
    assert Comparison.of(exported_heads(str(exported)), heads).changed == ("kind",)


class TestBaselineAtFault:
    """A baseline that nobody can ask must not look like a bug, nor keep every new model out (tfx#4390)."""

    @pytest.fixture
    def baseline(self, exported, tmp_path):
        return shutil.copytree(exported, tmp_path / "serving" / "3")

    @pytest.fixture
    def complaint(self, evaluate, baseline):
        """Evaluates beside the baseline; returns the error without what all of them say."""

        def evaluated():
            with pytest.raises(DataError) as error:
                evaluate(baseline)
            before, _, rest = str(error.value).partition(": the last blessed model cannot be compared with (")
            why, _, mend = rest.rpartition("); ")
            assert (before, mend) == (
                str(baseline),
                '`multihead run TASK --no-baseline "REASON"` judges the new model without it',
            )
            assert error.value.__cause__ is None  # Else the terminal would show that.
            return why

        return evaluated

    def test_it_cannot_be_loaded(self, baseline, complaint):
        (baseline / "Format-Serving" / "saved_model.pb").write_bytes(b"no model")
        assert "cannot be loaded as a SavedModel" in complaint()

    def test_it_does_not_say_what_it_is(self, baseline, complaint):
        (baseline / "Format-Serving" / "assets.extra" / HEADS_FILE).write_text("{")
        assert "is not what multihead writes beside a model" in complaint()

    def test_its_signature_lacks_a_head_that_it_says_it_has(self, sample, evaluate, baseline, complaint, monkeypatch):
        import tensorflow as tf

        class Other(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
            def answer(self, examples):
                return {"zone": tf.zeros([tf.size(examples), 2])}

        model, file = Other(), baseline / "Format-Serving" / "assets.extra" / HEADS_FILE
        said = file.read_text()
        shutil.rmtree(baseline)
        signatures = {"evaluation": model.answer, "transform_features": model.answer}
        tf.saved_model.save(model, str(baseline / "Format-Serving"), signatures)
        file.parent.mkdir()
        file.write_text(said)
        monkeypatch.setattr(Evaluation, "run", fails)
        assert complaint() == "its signature evaluation lacks fit, kind, mood, tags"

    def test_whatever_else_goes_wrong_is_not_put_down_to_it(self, evaluate, baseline, monkeypatch):
        monkeypatch.setattr(Evaluation, "run", fails)
        with pytest.raises(RuntimeError, match="of another kind"):
            evaluate(baseline)


def fails(*_):
    raise RuntimeError("of another kind")


def test_without_a_comparable_head_no_baseline_is_asked(evaluate, monkeypatch, tmp_path, exported):
    asked = []
    monkeypatch.setattr(Evaluation, "run", lambda evaluation, *_: asked.append(evaluation))
    folder = tmp_path / "Format-Serving" / "assets.extra"
    folder.mkdir(parents=True)
    (folder / HEADS_FILE).write_text(json.dumps({"heads": {"zone": ["in", "elsewhere"]}}))
    evaluate(tmp_path)
    assert asked[0].folders == {"": exported / "Format-Serving"}
    assert [model.name for model in asked[0].config.model_specs] == [""]


@pytest.fixture
def report(sample, tmp_path):
    """Runs the Report's executor; returns report.json and the blessing."""

    def run(evaluation, gates, canary=CANARY, decision=None, **properties):
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
        findings = artifact(CanaryFindings, "canary")
        Path(findings.uri).mkdir(exist_ok=True)
        (Path(findings.uri) / "canary.json").write_text(json.dumps(canary))
        baseline = artifact(standard_artifacts.Model, "baseline")
        if decision:
            write_decision(baseline, decision)
        ReportExecutor().Do(
            {
                "evaluation": [evaluation],
                "statistics": [statistics],
                "canary": [findings],
                "baseline_model": [baseline],
            },
            {"blessing": [blessing], "report": [artifact(HeadReport, "report")]},
            {"task": task.to_json(), "baseline": "", "no_baseline": "cold", "revoked": "", "fingerprint": ""}
            | properties,
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
    of_all = {"joint", "joint_slices", "joint_gates", "joint_baseline", "association"}
    assert {"blessed", "refusals", "comparison", "heads", "canary"} | of_all == set(written)
    assert {"exact_match", "hamming_loss", "label_consistency"} == set(written["joint"])
    assert (written["comparison"], written["canary"]) == ("cold", CANARY)
    assert {"city": "oslo"} in [entry["slice"] for entry in written["joint_slices"]]
    assert len(written["association"]) == 10
    assert list(sample.task.heads) == list(written["heads"])
    zone = written["heads"]["zone"]
    drawn = {"confusion", "reliability", "score_histogram"}
    said = {"type", "classes", "thresholds", "labelled", "overall", "baseline", "note", "slices", "gates"}
    assert said | drawn == set(zone)
    assert all(zone[name] for name in drawn)
    assert (zone["baseline"], zone["note"]) == (None, None)
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


def test_every_head_says_how_it_is_compared(compared, report):
    gates = {"kind": (Gate(metric="accuracy", max_drop=0.0),), "joint": (Gate(metric="exact_match", max_drop=0.0),)}
    written, _ = report(compared, gates, baseline="/serving/3", no_baseline="")
    assert (
        written["comparison"]
        == "compared with /serving/3; heads with other classes now, without max_drop this once: kind"
    )
    assert written["heads"]["kind"]["baseline"] is None
    assert written["heads"]["kind"]["note"] == "its classes changed, it counts as a new head"
    assert written["heads"]["zone"]["baseline"] == written["heads"]["zone"]["overall"]
    [of_kind], [of_all] = written["heads"]["kind"]["gates"], written["joint_gates"]
    assert of_kind["note"] == "max_drop not applied: its classes changed, it counts as a new head"
    assert of_all["note"] == "max_drop not applied: the baseline has no such head, or other classes: kind"
    assert written["blessed"]


@pytest.mark.parametrize(
    ("canary", "revoked", "refusals"),
    [
        (CANARY, "", []),
        (CANARY, "rolled back", ["rolled back"]),
        ({**CANARY, "ok": False, "failures": ["no answer"]}, "rolled back", ["canary: no answer", "rolled back"]),
    ],
)
def test_what_is_no_gate_refuses_too(cold, report, canary, revoked, refusals):
    written, blessing = report(cold, {}, canary, revoked=revoked)
    assert (written["blessed"], written["refusals"]) == (not refusals, refusals)
    assert blessing.get_int_custom_property("blessed") == int(not refusals)


def test_every_value_of_a_column_is_judged_and_joint_metrics_too(cold, report):
    every = {"slice": "city", "min_labelled": 20}
    gates = {
        "zone": (Gate(metric="accuracy", min=0.0, **every),),
        "fit": (Gate(metric="accuracy", min=0.0, **every),),
        "joint": (Gate(metric="label_consistency", max=1.0), Gate(metric="exact_match", min=0.9, **every)),
    }
    written, _ = report(cold, gates)
    cities = ["bonn", "lima", "oslo", "rome"]
    assert [gate["slice"]["city"] for gate in written["heads"]["zone"]["gates"]] == cities
    assert [gate["slice"]["city"] for gate in written["heads"]["fit"]["gates"]] == ["bonn", "oslo", "rome"]
    overall, *of_cities = written["joint_gates"]
    assert overall["ok"]
    assert [(gate["slice"]["city"], gate["ok"]) for gate in of_cities] == [(city, False) for city in cities]
    assert not written["blessed"]


def test_what_the_baseline_decided_at_run_time_counts(cold, report):
    decision = {"baseline": "", "no_baseline": "none is there", "revoked": "rolled back once"}
    written, blessing = report(cold, {}, decision=decision)
    assert (written["comparison"], written["blessed"]) == ("none is there", False)
    assert written["refusals"] == ["rolled back once"]
    assert blessing.get_int_custom_property("blessed") == 0
