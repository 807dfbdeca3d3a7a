"""A run that is told to stop leaves no job behind."""

import signal

import pytest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_job_is_left(cluster, begin, number):
    run = begin(f"a run that gets {number.name}", number.name)
    run.wait_for("ExampleGen")
    run.signal(number)
    run.finish()
    assert run.code == 1
    assert run.sentence == "interrupted; the same command goes on from the finished stages"
    assert run.stages["ExampleGen"] == "FAILED"
    assert [job["state"] for job in run.new_jobs()] == ["CANCELED"]
