"""The whole pipeline on some thousand real flights, as a user runs it: every run is the `multihead` command."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from schema.gates import METRICS
from schema.names import MISSING_INT, SPLITS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MULTIHEAD = Path(sys.executable).with_name("multihead")
ROWS = 6_000
# A sample this small is no ground for the real gates.
SMALL = [
    "--set=training.epochs=2",
    "--set=training.batch_size=128",
    "--set=gates.cancelled=[{metric: accuracy, min: 0.5}]",
    "--set=gates.dep_delay=[{metric: accuracy, min: 0.3}, {metric: log_loss, max: 2, slice: {origin: JFK}}]",
    "--set=gates.arr_delay=none",
]


@pytest.fixture(scope="module")
def sample(flights_sample):
    return flights_sample(ROWS)


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "flights"


def command(data, output, *options):
    return [str(MULTIHEAD), "run", "flights", "--data", str(data), "--output", str(output), *SMALL, *options]


def run(data, output, *options):
    return subprocess.run(command(data, output, *options), capture_output=True, text=True, check=False)


def states(stdout):
    """State by stage, from the lines of the terminal."""
    lines = [line.split() for line in stdout.splitlines()]
    return {line[1]: line[0] for line in lines if line and line[0] in ("done", "cached", "FAILED")}


def newest_report(output):
    return json.loads(sorted(output.glob("reports/*/report.json"))[-1].read_text())


@pytest.fixture(scope="module")
def killed(sample, output):
    """A run that dies by SIGKILL in Transform."""
    with subprocess.Popen(
        command(sample, output), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "DataGate" in line:
                os.killpg(process.pid, signal.SIGKILL)
    return "".join(lines)


@pytest.fixture(scope="module")
def finished(killed, sample, output):
    """The same command again."""
    return run(sample, output)


def test_killed_run_leaves_no_model(killed, output):
    assert states(killed)["DataGate"] == "done"
    assert "Trainer" not in states(killed)
    assert not (output / "serving").exists()


def test_run_after_a_kill_goes_on_from_what_was_finished(finished):
    assert finished.returncode == 0, finished.stdout + finished.stderr
    state = states(finished.stdout)
    done_before = ("ExampleGen", "StatisticsGen", "ImportSchemaGen", "ExampleValidator")
    assert {stage: state[stage] for stage in done_before} == dict.fromkeys(done_before, "cached")
    assert {stage: state[stage] for stage in ("Transform", "Trainer", "Evaluator", "Pusher")} == dict.fromkeys(
        ("Transform", "Trainer", "Evaluator", "Pusher"), "done"
    )


def test_terminal_shows_a_line_per_stage_and_nothing_else(finished):
    assert finished.stderr == ""
    first_words = {line.split()[0] for line in finished.stdout.splitlines() if line.strip()}
    assert first_words == {"done", "cached", "BLESSED,", "report:", "page:", "read"}


def test_report_has_its_format(finished, output):
    report = newest_report(output)
    assert report["format"] == 1
    assert report["task"] == "flights"
    assert report["blessed"] is True
    assert report["baseline"] is None
    assert report["pushed"] == str(output / "serving" / "1")
    assert set(report["versions"]) == {"python", "tfx", "tensorflow", "keras", "beam", "multihead"}
    assert [stage["id"] for stage in report["stages"]][-2:] == ["Report", "Pusher"]
    assert next(s["rows"] for s in report["stages"] if s["id"] == "ExampleGen") == ROWS
    assert set(report["joint"]) == {"exact_match", "hamming_loss", "label_consistency"}
    assert list(report["heads"]) == ["cancelled", "dep_delay", "arr_delay"]
    assert report["heads"]["cancelled"]["classes"] == ["no", "yes"]
    for head in report["heads"].values():
        assert set(head["overall"]) == {*METRICS, "ece_uncalibrated"}


def test_metrics_count_labelled_rows_only(finished, output, sample):
    table = pa.concat_tables([pq.read_table(file) for file in sorted(sample.glob("*.parquet"))])
    heads = newest_report(output)["heads"]
    for name, head in heads.items():
        assert sum(head["labelled"].values()) == ROWS - table[name].null_count
        assert list(head["labelled"]) == list(SPLITS)
        by_origin = [s["labelled"] for s in head["slices"] if set(s["slice"]) == {"origin"}]
        assert sum(by_origin) == head["labelled"]["test"]
    assert sum(heads["dep_delay"]["labelled"].values()) < sum(heads["cancelled"]["labelled"].values())


def test_slices_show_raw_values(finished, output):
    slices = newest_report(output)["heads"]["arr_delay"]["slices"]
    assert {s["slice"]["origin"] for s in slices if set(s["slice"]) == {"origin"}} == {"EWR", "JFK", "LGA"}
    assert "AA" in {s["slice"]["carrier"] for s in slices if set(s["slice"]) == {"carrier"}}


def test_pushed_model_answers_raw_examples(finished, output):
    import tensorflow as tf

    model = tf.saved_model.load(str(output / "serving" / "1"))
    example = tf.train.Example()
    example.features.feature["carrier"].bytes_list.value.append(b"AA")
    example.features.feature["hour"].int64_list.value.append(18)
    answer = model.signatures["serving_tf_example"](tf.constant([example.SerializeToString()] * 2))
    for head, classes in {"cancelled": 2, "dep_delay": 3, "arr_delay": 4}.items():
        scores = answer[f"{head}/scores"].numpy()
        assert scores.shape == (2, classes)
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
        decided = answer[f"{head}/classes"].numpy()[0, scores[0].argmax()]
        assert answer[f"{head}/label"].numpy()[0] == decided


def test_predictions_are_the_pushed_models_answers(finished, sample, output, tmp_path):
    from components.servable import Servable

    table = pa.concat_tables([pq.read_table(file) for file in sorted(sample.glob("*.parquet"))])
    (tmp_path / "new").mkdir()
    unlabelled = table.drop(["cancelled", "dep_delay", "arr_delay"])
    for i in range(2):
        pq.write_table(unlabelled.slice(i * ROWS // 2, ROWS // 2), tmp_path / "new" / f"{i}.parquet")
    file = tmp_path / "predictions.parquet"
    call = [str(MULTIHEAD), "predict", "flights", "--data", str(tmp_path / "new"), "--output", str(file)]
    done = subprocess.run([*call, "--run", str(output)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"{ROWS:,} rows in, {ROWS:,} predicted, 0 rejected" in done.stdout
    predictions = pq.read_table(file)
    assert unlabelled.to_pylist() == predictions.select(unlabelled.column_names).to_pylist()
    servable = Servable.load(output / "serving" / "1")
    # Named tensors and tf.Examples: two ways to ask, one answer.
    missing = {"INT": MISSING_INT, "FLOAT": np.nan, "BYTES": ""}
    columns = {
        name: pc.fill_null(table[name], pa.scalar(missing[feature.dtype], table[name].type)).to_numpy()
        for name, feature in servable.exported.features.items()
    }
    answers = servable.predict(columns)
    for head in servable.exported.heads:
        scores = np.array([list(row.values()) for row in predictions[f"{head}.scores"].to_pylist()])
        np.testing.assert_allclose(scores, answers[f"{head}/scores"], atol=1e-5)
        assert [label.decode() for label in answers[f"{head}/label"]] == predictions[f"{head}.label"].to_pylist()


def test_a_gate_that_fails_refuses_the_model(finished, sample, output):
    refused = run(sample, output, "--set", "gates.dep_delay.0.min=0.9999")
    assert refused.returncode == 4
    report = newest_report(output)
    assert report["blessed"] is False
    assert report["pushed"] is None
    gate = report["heads"]["dep_delay"]["gates"][0]
    assert (gate["metric"], gate["min"], gate["ok"]) == ("accuracy", 0.9999, False)
    assert f"dep_delay: accuracy is {gate['value']:.4f}, below min 0.9999" in refused.stdout
    assert sorted(path.name for path in (output / "serving").iterdir()) == ["1", "blessed.json", "history.json"]
    assert {stage for stage, state in states(refused.stdout).items() if state == "done"} == {
        "starting",
        "DataGate",
        "Report",
        "Pusher",
    }


def test_report_command_reads_the_run(finished, output):
    printed = subprocess.run(
        [str(MULTIHEAD), "report", str(output)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "160"},
    )
    assert printed.returncode == 0
    for text in ("dep_delay", "on_time, late, very_late", "origin=JFK", "Worst slices"):
        assert text in printed.stdout


def test_data_that_contradicts_the_schema_stops_before_transform(sample, tmp_path):
    table = pa.concat_tables([pq.read_table(file) for file in sorted(sample.glob("*.parquet"))])
    table = table.drop(["distance"])
    table = table.set_column(table.schema.get_field_index("carrier"), "carrier", pa.array(range(ROWS)))
    labels = pc.if_else(pc.equal(table["cancelled"], "yes"), "perhaps", table["cancelled"])
    table = table.set_column(table.schema.get_field_index("cancelled"), "cancelled", labels)
    pq.write_table(table, tmp_path / "bad.parquet")
    stopped = run(tmp_path / "bad.parquet", tmp_path / "run")
    assert stopped.returncode == 3
    state = states(stopped.stdout)
    assert state["DataGate"] == "FAILED"
    assert "Transform" not in state
    for text in ("column 'distance'", "column 'carrier'", "column 'cancelled'", "perhaps", "log: "):
        assert text in stopped.stdout
    assert "Traceback" not in stopped.stdout + stopped.stderr
