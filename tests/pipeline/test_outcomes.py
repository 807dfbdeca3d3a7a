"""What `multihead run` writes down and tells, and what `multihead schedule` refuses."""

import dataclasses
import signal
import sys
import types

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.example_gen.spans import Span
from pipeline import notify, outcomes, session, status
from pipeline.config import RunConfig
from pipeline.report import document
from pipeline.status import Outcome
from schema.errors import DataError, DriftFound


@pytest.fixture
def result(report):
    """What the stand-in of the pipeline returns or raises; to be changed."""
    return [report | {"blessed": True, "pushed": "/serving/4"}]


@pytest.fixture
def multihead(monkeypatch, main, tmp_path, result, write_task):
    """Runs a command on the toy task in an empty folder: returns exit code and what was said."""
    stand_in = types.ModuleType("pipeline.run")

    def run_task(contract, config, on_start, on_finish):
        assert status.read(config.output)["state"] == "running"
        if isinstance(result[0], BaseException):
            raise result[0]
        return result[0]

    stand_in.run_task = run_task
    monkeypatch.setitem(sys.modules, "pipeline.run", stand_in)
    folder = write_task()
    pq.write_table(pa.table({"amount": [1.5]}), tmp_path / "rows.parquet")

    def run(command, *arguments):
        code, *said = main(command, folder, *arguments)
        return code, "".join(said)

    return run


@pytest.fixture
def told(monkeypatch):
    """Bodies that a webhook would have got; `problem` is what posting answers."""
    found = types.SimpleNamespace(bodies=[], problem=None)

    def post(webhook, body):
        found.bodies.append(body)
        return found.problem

    monkeypatch.setattr(notify, "post", post)
    return found


def test_a_run_that_was_killed_after_its_verdict_has_it_recorded_by_the_next(report, tmp_path):
    days = [RunConfig(tmp_path, tmp_path, "now", spans=(Span(f"day {n}", n, None, ""),)) for n in range(2)]
    killed = dataclasses.replace(days[1], run_id="killed")
    status.record("toy", killed, Outcome("running", status.now(), "running"))
    outcomes.catch_up("toy", days)
    assert status.read(tmp_path)["state"] == "running"
    document.write(killed.reports, report)
    outcomes.catch_up("toy", days[:1])
    assert status.read(tmp_path)["state"] == "running"
    outcomes.catch_up("toy", days)
    found = status.read(tmp_path)
    assert (found["state"], found["run_id"], found["span"]) == ("refused", "killed", "day 1")
    assert found["last_verdict"]["blessed"] is False


HOOK = ("--notify", "https://example.org/secret")


def test_a_pushed_model(multihead, told, tmp_path):
    assert multihead("run", "--data", "rows.parquet", *HOOK)[0] == 0
    found = status.read(tmp_path / "runs" / "toy")
    assert (found["task"], found["state"], found["pushed"]) == ("toy", "pushed", "/serving/4")
    assert (tmp_path / "runs" / "toy" / "metrics.prom").is_file()
    assert told.bodies == []


def test_a_refusal_is_told_and_changes_no_exit_code(multihead, told, result, tmp_path):
    result[0] |= {"blessed": False, "pushed": None}
    told.problem = "it answered 500"
    code, said = multihead("run", "--data", "rows.parquet", *HOOK)
    assert code == 4
    assert "--notify: https://example.org was not told: it answered 500\n" in said
    assert "secret" not in said
    [body] = told.bodies
    assert (body["event"], body["sentence"]) == ("refusal", "not blessed; kind: accuracy is too low")
    [log] = (tmp_path / "runs" / "toy" / "logs").glob("*.log")
    assert "--notify: https://example.org: it answered 500" in log.read_text()


@pytest.mark.parametrize(
    ("error", "code", "state", "event", "drift"),
    [
        (RuntimeError("no luck"), 1, "failed", "failure", []),
        (DataError("a.parquet: cannot be read"), 2, "failed", "failure", []),
        (
            DriftFound("span 5 is unlike:\n  hour moved\n  dest moved"),
            3,
            "failed",
            "drift",
            ["hour moved", "dest moved"],
        ),
        (KeyboardInterrupt(), 1, "stopped", None, []),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_a_run_without_a_verdict(multihead, told, result, tmp_path, error, code, state, event, drift):
    result[0] = error
    assert multihead("run", "--data", "rows.parquet", *HOOK)[0] == code
    found = status.read(tmp_path / "runs" / "toy")
    assert (found["state"], found["drift"], found["blessed"]) == (state, drift, None)
    assert [body["event"] for body in told.bodies] == ([event] if event else [])


def test_what_keeps_a_run_from_beginning_is_told_and_recorded_where_runs_were(multihead, told, tmp_path):
    code, said = multihead("run", "--data", "none.parquet", *HOOK)
    assert (code, (tmp_path / "runs").exists()) == (2, False)
    assert told.bodies[0]["sentence"] in said
    multihead("run", "--data", "rows.parquet", *HOOK)
    multihead("run", "--data", "none.parquet", *HOOK)
    found = status.read(tmp_path / "runs" / "toy")
    assert (found["state"], found["last_success"] is not None) == ("failed", True)
    assert [body["event"] for body in told.bodies] == ["failure", "failure"]


def test_a_task_that_cannot_be_read_is_told(multihead, told):
    assert multihead("run", "--set", "training.epochs=0", *HOOK)[0] == 2
    assert "training.epochs" in told.bodies[0]["sentence"]


def test_a_busy_folder_is_told_and_its_status_left_alone(multihead, told, tmp_path):
    multihead("run", "--data", "rows.parquet")
    before = status.read(tmp_path / "runs" / "toy")
    with session.hold(RunConfig(tmp_path, tmp_path / "runs" / "toy", "first")):
        assert multihead("run", "--data", "rows.parquet", *HOOK)[0] == 5
        assert multihead("run", "--data", "none.parquet")[0] == 2
    assert status.read(tmp_path / "runs" / "toy") == before
    assert "held by run first" in told.bodies[0]["sentence"]


def test_the_address_may_come_from_the_environment(multihead, told, result, monkeypatch):
    monkeypatch.setenv("MULTIHEAD_NOTIFY", "https://example.org/secret")
    result[0] = RuntimeError("no luck")
    multihead("run", "--data", "rows.parquet")
    assert len(told.bodies) == 1


def test_not_an_address(multihead, tmp_path):
    for command in (("run",), ("schedule", "--cron", "0 2 * * *")):
        code, said = multihead(*command, "--notify", "ftp://example.org")
        assert (code, said) == (
            *(2, "--notify: not an address of a web server; give one such as https://example.org/hook\n"),
        )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--cron", "61 * * * *"], "--cron: minute: '61' is none"),
        (["--cron", "0 2 * * *", "--timezone", "Mars"], "--timezone: no such zone 'Mars'"),
        (["--cron", "0 2 * * *", "--window", "3"], "--window: the data of task toy has no spans"),
        (["--cron", "0 2 * * *", "--set", "training.epochs=0"], "training.epochs"),
    ],
)
def test_a_schedule_that_cannot_be(multihead, tmp_path, arguments, sentence):
    code, said = multihead("schedule", *arguments)
    assert code == 2
    assert sentence in said
    assert not (tmp_path / "runs").exists()


def test_only_one_schedule_in_a_folder(multihead, tmp_path):
    from filelock import FileLock

    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".schedule.lock"):
        code, said = multihead("schedule", "--cron", "0 2 * * *", "--output", tmp_path / "out")
    assert code == 5
    assert said == f"{tmp_path}/out: another schedule runs there; stop it, or give another --output\n"


@pytest.mark.parametrize(("spans", "rest"), [([], []), (["--set", "data.spans=day-{SPAN}"], ["--if-new"])])
def test_only_data_with_spans_can_be_new(multihead, tmp_path, spans, rest):
    code, said = multihead("schedule", "--cron", "0 2 * * *", "--print", "cron", *spans)
    assert code == 0
    assert ("--if-new" in said) == bool(rest)
    assert f" run {tmp_path}/toy --data={tmp_path}/data/toy " in said


def test_a_schedule_gives_its_signals_back(multihead, monkeypatch):
    from pipeline.schedule.service import Service

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Service, "_say_next", lambda self: self._told(signal.SIGTERM, None))
    code, said = multihead("schedule", "--cron", "0 2 1 1 *")
    assert code == 0
    assert said.endswith(" stopped\n")
    assert signal.getsignal(signal.SIGTERM) is before
