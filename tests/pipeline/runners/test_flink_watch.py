"""A stage's jobs on Flink: dead ones are cancelled, none is left, and failures are told in a sentence."""

import socket
import threading
import time

import pytest

from pipeline.runners import flink_watch
from pipeline.runners.flink_watch import watched
from schema.errors import ClusterFailed, DataError, ServerUnavailable, WorkerLost

_PATIENCE = 0.2  # Seconds.
_CANCELLED = RuntimeError("Pipeline job_1 failed in state CANCELLED: unknown error")


@pytest.fixture
def stage(flink):
    """Begins a stage; its jobs are watched."""

    def begun(patience=600.0, **options):
        options = {"runner": "PortableRunner", "flink_master": flink.address, **options}
        return watched("Transform", options, patience / 60)

    return begun


@pytest.fixture
def run(stage):
    """Runs a stage of one job, given what it does by the job's name."""

    def done(work, *patience, **options):
        with stage(*patience, **options) as named:
            work(named().get("job_name"))

    return done


def test_every_job_has_a_name_of_its_own(stage):
    with stage() as options, stage(job_name="mine") as theirs:
        names = [options()["job_name"], options()["job_name"], theirs()["job_name"]]
    assert len(set(names)) == 3
    assert [name[:-8] for name in names] == ["multihead-Transform-", "multihead-Transform-", "mine-Transform-"]


def test_nothing_is_asked_of_a_flink_that_nobody_named(flink, stage):
    flink.is_away = True
    for options in ({"flink_master": "[local]"}, {"runner": "FnApiRunner"}):
        with stage(**options) as named:
            assert named() == {}


def test_a_job_that_does_nothing_is_cancelled(flink, run):
    def work(name):
        assert flink.begin(name).is_cancelled.wait(20)
        raise _CANCELLED

    with pytest.raises(WorkerLost, match=r"^Transform: .*no progress for 0.00333333 minutes .*raise `patience`"):
        run(work, _PATIENCE)
    assert flink.jobs[0].looks > 2


def test_a_job_that_waits_for_slots_is_cancelled(flink, run):
    def work(name):
        assert flink.begin(name, task="SCHEDULED").is_cancelled.wait(20)
        raise _CANCELLED

    with pytest.raises(ClusterFailed, match=r"Transform: .*no free slot.*lower `parallelism`") as failure:
        run(work, _PATIENCE)
    assert type(failure.value) is ClusterFailed  # It is not tried again.
    assert failure.value.exit_code == 1


def test_a_job_that_goes_on_is_left_alone(flink, run):
    theirs = flink.begin("theirs")

    def work(name):
        job = flink.begin(name)
        job.pace = 1
        until = time.monotonic() + 3 * _PATIENCE
        while time.monotonic() < until or job.looks < 3:
            time.sleep(_PATIENCE / 10)
        job.state = "FINISHED"

    run(work, _PATIENCE)
    assert not any(job.is_cancelled.is_set() for job in (theirs, *flink.jobs))


def test_a_flink_that_is_away_for_a_while_is_asked_again(flink, run):
    def work(name):
        job = flink.begin(name)
        flink.is_away = True
        assert not job.is_cancelled.wait(1.5 * _PATIENCE)
        flink.is_away = False
        assert job.is_cancelled.wait(20)
        raise _CANCELLED

    with pytest.raises(WorkerLost):
        run(work, _PATIENCE)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a bug"), DataError("bad rows")])
def test_no_job_is_left(flink, run, error):
    def work(name):
        flink.begin(name, state="FINISHED")
        flink.begin(name)
        raise error

    with pytest.raises(type(error)) as failure:
        run(work)
    assert failure.value is error
    assert [job.state for job in flink.jobs] == ["FINISHED", "CANCELED"]
    assert not flink.jobs[0].is_cancelled.is_set()


def test_a_job_that_is_on_its_way_when_the_run_is_interrupted(flink, run):
    def work(name):
        threading.Timer(0.3, flink.begin, [name]).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(work)
    assert [job.state for job in flink.jobs] == ["CANCELED"]


def test_a_job_that_does_not_end_is_not_waited_for_for_ever(flink, run, monkeypatch):
    monkeypatch.setattr(flink_watch, "_GRACE", 0.3)

    def work(name):
        flink.begin(name, state="CANCELLING")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(work)


def test_flink_knows_more_than_beam_says(flink, run):
    def work(name):
        flink.begin(name, state="FAILED").exceptions["root-exception"] = (
            "org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not acquire the minimum"
            " required resources.\nCaused by: java.util.concurrent.TimeoutException: Timeout has occurred: 300000 ms"
        )
        raise RuntimeError("Pipeline job_1 failed in state FAILED: java.util.concurrent.TimeoutException")

    with pytest.raises(ClusterFailed, match=r"^Transform: Flink had no free slot"):
        run(work)


def test_why_a_part_was_lost_counts_for_more_than_that_it_was(flink, run):
    def work(name):
        flink.begin(name, state="FAILED").exceptions["root-exception"] = "java.lang.OutOfMemoryError: Metaspace"
        raise RuntimeError("Pipeline job_1 failed in state FAILED: TaskManager with id a:1 is no longer reachable.")

    with pytest.raises(ClusterFailed, match=r"^Transform: .* ran out of memory for classes") as raised:
        run(work)
    assert not isinstance(raised.value, WorkerLost)  # It would be lost again.


def test_what_a_job_has_survived_is_not_why_a_stage_failed(flink, run):
    def work(name):
        job = flink.begin(name, state="FINISHED")
        job.exceptions["root-exception"] = "TaskManager with id a:1 is no longer reachable."
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run(work)


def test_a_cause_deep_in_the_chain(run):
    def work(_):
        raise RuntimeError("failed") from ValueError("Insufficient number of network buffers: required 17")

    with pytest.raises(ClusterFailed, match=r"^Transform: .*taskmanager.memory.network.max"):
        run(work)


def test_another_runner_means_what_it_says(run):
    def work(_):
        raise RuntimeError("Insufficient number of network buffers")

    with pytest.raises(ClusterFailed):
        run(work, flink_master="[local]")
    with pytest.raises(RuntimeError, match="Insufficient"):
        run(work, runner="FnApiRunner")


def test_a_cluster_that_is_not_there(run):
    with pytest.raises(ServerUnavailable, match=r"^Transform: Flink at http://127.0.0.1:1 .*`flink_master`") as failure:
        run(lambda _: None, flink_master="127.0.0.1:1")
    assert failure.value.exit_code == 1


def test_a_job_server_that_is_not_there(flink, run):
    with socket.create_server(("127.0.0.1", 0)) as there:
        run(flink.begin, job_endpoint=f"localhost:{there.getsockname()[1]}")
    with pytest.raises(ServerUnavailable, match=r"job server at 127.0.0.1:1 does not .*refused.*`job_endpoint`"):
        run(flink.begin, job_endpoint="127.0.0.1:1")
    assert len(flink.jobs) == 1  # What cannot be handed on is not begun.
