"""status.json and metrics.prom, after every kind of run."""

import json
import multiprocessing

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from components.example_gen.spans import Span
from pipeline import status
from pipeline.config import RunConfig
from pipeline.status import Outcome


@pytest.fixture
def run(tmp_path):
    return RunConfig(tmp_path, tmp_path / "out", "r1", spans=(Span("2013-01-05", 15710, None, "days"),))


@pytest.fixture
def blessed(report):
    return {**report, "blessed": True, "pushed": "/serving/4", "data": {"drift": {"findings": ["hour moved"]}}}


def samples(run, read=openmetrics.text_string_to_metric_families):
    found = {}
    for family in read((run.output / "metrics.prom").read_text()):
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "task"}
            assert sample.labels["task"] == "toy"
            found[(sample.name.removeprefix("multihead_"), *labels.values())] = sample.value
    return found


def test_pushed(run, blessed):
    started = status.now()
    written = status.record("toy", run, Outcome.of_report(blessed, started))
    assert written == status.read(run.output) == json.loads((run.output / "status.json").read_text())
    contract = ("task", "state", "run_id", "span", "rows", "blessed", "pushed", "sentence", "next_run")
    assert [written[key] for key in contract] == [
        *("toy", "pushed", "r1", "2013-01-05", 1000, True, "/serving/4", "blessed, pushed to /serving/4", None)
    ]
    assert written["started"] == started.isoformat(timespec="seconds")
    assert written["seconds"] >= 0
    found = samples(run)
    assert found["rows",] == 1000
    assert found["blessed",] == 1
    assert found["drift_findings",] == 1
    assert found["head_metric", "kind", "auc"] == 0.87654
    assert found["last_success_timestamp_seconds",] == found["last_run_timestamp_seconds",] > 1.7e9
    assert found["run_state", "pushed"] == 1
    assert found["run_state", "failed"] == 0


def test_the_older_format_reads_the_same(run, blessed):
    status.record("toy", run, Outcome.of_report(blessed, status.now()))
    assert samples(run, parser.text_string_to_metric_families) == samples(run)
    assert (run.output / "metrics.prom").read_text().endswith("# EOF\n")


def test_refused(run, report):
    written = status.record("toy", run, Outcome.of_report(report, status.now()))
    assert (written["state"], written["blessed"], written["pushed"]) == ("refused", False, None)
    assert written["sentence"] == "not blessed; kind: accuracy is too low"
    found = samples(run)
    assert found["blessed",] == 0
    assert ("last_success_timestamp_seconds",) not in found


def test_a_failure_keeps_what_was_measured_before(run, blessed):
    status.record("toy", run, Outcome.of_report(blessed, status.now()))
    before = samples(run)
    status.record("toy", run, Outcome("running", status.now(), "running"))
    assert samples(run)["run_state", "running"] == 1
    assert samples(run)["last_run_timestamp_seconds",] == before["last_run_timestamp_seconds",]
    written = status.record("toy", run, Outcome("failed", status.now(), "no luck"))
    assert (written["state"], written["blessed"], written["rows"], written["sentence"]) == (
        *("failed", None, None, "no luck"),
    )
    assert written["last_success"]["run_id"] == "r1"
    after = samples(run)
    assert after["run_state", "failed"] == 1
    for key in (("head_metric", "kind", "auc"), ("last_success_timestamp_seconds",), ("blessed",), ("rows",)):
        assert after[key] == before[key]


def test_a_run_and_its_schedule_do_not_lose_each_others(run, blessed):
    due = status.now()
    status.set_next_run(run.output, "toy", due)
    assert samples(run) == {("next_run_timestamp_seconds",): int(due.timestamp())}
    status.record("toy", run, Outcome.of_report(blessed, status.now()))
    assert status.read(run.output)["next_run"] == due.isoformat(timespec="seconds")
    status.set_next_run(run.output, "toy", None)
    assert status.read(run.output)["state"] == "pushed"
    assert status.read(run.output)["next_run"] is None


def test_how_a_run_ended_that_could_not_say_it(run):
    written = status.record("toy", run, Outcome("running", status.now(), "running"))
    status.correct(run.output, written, "failed", "killed")
    found = status.read(run.output)
    assert (found["state"], found["sentence"], found["last_run"]["state"]) == ("failed", "killed", "failed")
    assert found["finished"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}'])
def test_a_damaged_status_is_written_anew(run, blessed, text):
    run.output.mkdir()
    (run.output / "status.json").write_text(text)
    assert status.read(run.output) == {}
    status.record("toy", run, Outcome.of_report(blessed, status.now()))
    assert status.read(run.output)["state"] == "pushed"


def test_a_folder_that_cannot_be_written_to_fails_no_run(run, blessed):
    run.output.write_text("a file")
    assert status.record("toy", run, Outcome.of_report(blessed, status.now()))["state"] == "pushed"


def test_an_undefined_metric_is_left_out(run, blessed):
    blessed["heads"]["kind"]["overall"]["auc"] = None
    status.record("toy", run, Outcome.of_report(blessed, status.now()))
    found = samples(run)
    assert ("head_metric", "kind", "auc") not in found
    assert found["head_metric", "kind", "accuracy"] == 0.91


def _write(folder, number):
    for _ in range(30):
        status.set_next_run(folder, f"t{number}", status.now())


def test_no_reader_sees_half_a_file(run):
    status.set_next_run(run.output, "t", None)
    writers = [multiprocessing.Process(target=_write, args=(run.output, number)) for number in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert status.read(run.output)
        assert (run.output / "metrics.prom").read_text().endswith("# EOF\n")
    assert [writer.exitcode for writer in writers] == [0, 0]
