"""Whole runs of the flights pipeline, compiled by the command, in containers that share nothing."""

import dataclasses
import json
import re
import subprocess

import pyarrow.parquet as pq
import pytest

from pipeline import fingerprint

STAGES = {
    "ExampleGen",
    "StatisticsGen",
    "ImportSchemaGen",
    "ExampleValidator",
    "DataGate",
    "Transform",
    "Baseline",
    "Trainer",
    "Evaluator",
    "Canary",
    "Report",
    "Pusher",
}
EXAMINED = {"ExampleGen", "StatisticsGen", "ImportSchemaGen", "ExampleValidator"}
INGESTION = EXAMINED | {"Transform"}


@pytest.fixture(scope="session")
def second(cluster, compile_flights, first):
    """Another training on the same data, now that there is a blessed model."""
    return cluster.run(compile_flights("second", training__epochs="3"), "second run")


@pytest.fixture(scope="session")
def refused(cluster, compile_flights, second):
    """A gate that no model passes."""
    file = compile_flights("refused", gates__cancelled="[{metric: accuracy, min: 0.9999}]")
    return cluster.run(file, "a gate fails")


@pytest.fixture(scope="session")
def read_again(cluster, place, compile_flights, second):
    """A file that is run twice, the second time on one row less at the same path."""
    file = compile_flights("uploaded", more=())
    runs = [cluster.run(file, "a file that was uploaded", tasks={"ExampleGen"})]
    with place.data_changed(lambda table: table.slice(1)):
        return [*runs, cluster.run(file, "the same on changed data", tasks={"ExampleGen"})]


@pytest.fixture(scope="session")
def outdated(cluster, place, flights, second):
    """One that was compiled with --reuse-data, run again when its data are others."""
    with place.data_changed(lambda table: table.slice(1)):
        return cluster.run(flights, "reused data changed", tasks=EXAMINED | {"DataGate"})


@pytest.fixture(scope="session")
def anomalous(cluster, place, compile_flights, second):
    """A column has another name."""
    renamed = {"carrier": "airline"}
    with place.data_changed(lambda table: table.rename_columns([renamed.get(n, n) for n in table.column_names])):
        return cluster.run(compile_flights("anomalous"), "an anomaly")


@pytest.fixture(scope="session")
def without_folder(cluster, flights, first):
    """No serving folder: the same training, and a push into an artifact."""
    return cluster.run(flights, "no serving folder", {"serving": ""})


def versions(place):
    return {path.name for path in (place.models / "flights/serving").iterdir() if path.name.isdigit()}


def report_of(cluster, run):
    files = dict(cluster.store.under(run.outputs["Report"]["report"].uri))
    return json.loads(files["report.json"])


def log_of(cluster, run, stage):
    """What the launcher has uploaded."""
    [(_, log)] = cluster.store.under(run.outputs[stage]["executor-logs"].uri)
    return log.decode()


def last_line(cluster, run, stage):
    return log_of(cluster, run, stage).strip().splitlines()[-1]


def test_all_stages_run_in_containers(first):
    assert first.state("done") == STAGES


def test_the_model_is_blessed_pushed_and_predicts(cluster, place, image, first):
    assert report_of(cluster, first)["blessed"] is True
    assert "1" in versions(place)
    options = [
        "--rm",
        "--network=none",
        f"--volume={place.data.parent}:/data",
        f"--volume={place.models}:{place.mounted}",
    ]
    command = ["multihead", "predict", "flights", "--data=/data", f"--run={place.mounted}/flights"]
    output = f"--output={place.mounted}/predictions.parquet"
    done = subprocess.run(["docker", "run", *options, image, *command, output], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    predicted = pq.read_table(place.models / "predictions.parquet")
    assert predicted.num_rows == pq.read_metadata(place.data).num_rows
    assert {"cancelled", "dep_delay", "arr_delay"} <= {name.split(".")[0] for name in predicted.column_names}


def test_the_first_run_has_no_baseline_and_the_second_has(cluster, place, first, second):
    assert report_of(cluster, first)["comparison"].startswith("no baseline")
    assert second.succeeded
    report = report_of(cluster, second)
    assert f"{place.mounted}/flights/serving/1" in report["comparison"]
    assert all(head["baseline"] for head in report["heads"].values())


def test_what_depends_on_unchanged_data_alone_comes_from_the_cache(second):
    assert second.state("cached") == INGESTION
    assert second.state("done") == STAGES - INGESTION


def test_changed_data_are_read_anew(place, read_again):
    there = pq.read_metadata(place.data).num_rows
    rows = [
        sum(value for name, value in run.outputs["ExampleGen"]["examples"].properties.items() if "rows_" in name)
        for run in read_again
    ]
    assert rows == [there, there - 1]


def test_reused_examples_of_data_that_changed_stop_in_the_data_gate(cluster, outdated):
    assert outdated.state("cached") == EXAMINED
    assert outdated.steps["DataGate"].exit_code == 2
    why = "the data are not those that were read by the earlier run whose examples were reused"
    assert why in last_line(cluster, outdated, "DataGate")


def test_without_a_serving_folder_the_model_is_pushed_as_an_artifact(cluster, without_folder):
    assert without_folder.state("done") == {"DataGate", "Baseline", "Evaluator", "Report", "Pusher"}
    assert without_folder.state("cached") == STAGES - without_folder.state("done")
    report = report_of(cluster, without_folder)
    assert report["blessed"] is True
    assert report["comparison"] == "no baseline: the run has no serving folder, so `max_drop` was not applied"
    pushed = without_folder.outputs["Pusher"]["pushed_model"]
    assert {"1/saved_model.pb", "1/assets.extra/multihead.json", "blessed.json"} <= set(cluster.store.keys(pushed.uri))
    assert (pushed.properties["pushed"], pushed.properties["pushed_destination"]) == (1, f"{pushed.uri}/1")


def test_a_serving_folder_that_the_user_cannot_write_stops_the_run_before_training(cluster, place, flights, first):
    locked = place.models / "locked"
    locked.mkdir(mode=0o755)
    serving = f"{place.mounted}/locked/serving"
    run = cluster.run(flights, "a folder of root's", {"serving": serving}, tasks={"Baseline"}, after=first)
    assert run.steps["Baseline"].exit_code == 2
    why = f"user 65532 of group 0 cannot write {place.mounted}/locked"
    assert f"{serving}: nothing could be pushed there, as {why}" in last_line(cluster, run, "Baseline")


def test_an_artifact_that_is_gone_stops_the_stage_that_reads_it(cluster, flights, first):
    kept = first.outputs["StatisticsGen"]["statistics"]
    gone = dataclasses.replace(kept, id=kept.id + 10**6, uri=f"{kept.uri}-gone")
    after = dataclasses.replace(first, outputs={**first.outputs, "StatisticsGen": {"statistics": gone}})
    run = cluster.run(flights, "an artifact is gone", tasks={"ExampleValidator"}, after=after)
    assert run.steps["ExampleValidator"].exit_code == 2
    assert f"input statistics: {gone.uri}: nothing is there any more" in last_line(cluster, run, "ExampleValidator")


def test_an_image_of_other_code_refuses_to_run(cluster, flights, tmp_path):
    file = tmp_path / "other.yaml"
    file.write_text(re.sub(r"(--compiled_by_code\n *- ).*", r"\g<1>0ther", flights.read_text()))
    run = cluster.run(file, "compiled by other code", tasks={"ImportSchemaGen"})
    assert run.steps["ImportSchemaGen"].exit_code == 2
    why = f"other code ({fingerprint.sources()}) than the pipeline was compiled by (0ther)"
    assert why in last_line(cluster, run, "ImportSchemaGen")


def test_a_failing_gate_fails_the_run_in_the_pusher(cluster, place, refused, second):
    assert refused.state("failed") == {"Pusher"}
    assert refused.steps["Pusher"].exit_code == 4
    last = last_line(cluster, refused, "Pusher")
    assert last.startswith("multihead: ")
    assert "cancelled" in last
    assert last.endswith("(exit code 4)")


def test_a_refused_model_is_not_pushed(cluster, place, refused):
    assert refused.outputs["Pusher"].keys() == {"executor-logs"}
    assert report_of(cluster, refused)["blessed"] is False
    assert versions(place) <= {"1", "2"}
    assert json.loads((place.models / "flights/serving/blessed.json").read_text()) != {}


def test_an_anomaly_stops_the_run_in_the_data_gate(cluster, anomalous):
    assert anomalous.state("failed") == {"DataGate"}
    assert anomalous.steps["DataGate"].exit_code == 3
    assert "carrier" in last_line(cluster, anomalous, "DataGate")
    assert not {"Transform", "Trainer", "Pusher"} & anomalous.state("done")
