"""What Flink's REST API says of jobs."""

import pytest

from pipeline.runners import flink as rest
from schema.errors import ServerUnavailable


@pytest.fixture
def url(flink):
    return f"http://{flink.address}"


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"runner": "FlinkRunner", "flink_master": "jobs:8081"}, "http://jobs:8081"),
        ({"runner": "PortableRunner", "flink_master": "http://jobs:8081/"}, "http://jobs:8081"),
        ({"runner": "Flink", "flink_master": "https://[::1]:443"}, "https://[::1]:443"),
        ({"runner": "FlinkRunner", "flink_master": "[local]"}, None),
        ({"runner": "FlinkRunner", "flink_master": "[collection]"}, None),
        ({"runner": "FlinkRunner", "flink_master": "jobs"}, None),
        ({"runner": "PortableRunner", "job_endpoint": "jobs:8099"}, None),
        ({"runner": "FnApiRunner", "flink_master": "jobs:8081"}, None),
    ],
)
def test_where_flink_is(options, url):
    assert rest.address(options) == url


def test_jobs_by_name(flink, url):
    flink.begin("theirs")
    ours = flink.begin("ours", state="FAILED")
    [found] = rest.jobs(url, ["ours", "to come"])
    assert (found.id, found.name, found.has_ended) == (ours.id, "ours", True)


def test_progress_is_what_was_done_not_the_time_that_went_by(flink, url):
    job = flink.begin("ours")
    before = rest.progress(url, job.id)
    assert rest.progress(url, job.id) == before
    job.records = 1
    assert (more := rest.progress(url, job.id)) != before
    job.task = "FINISHED"
    assert rest.progress(url, job.id) != more


@pytest.mark.parametrize(("task", "is_waiting"), [("SCHEDULED", True), ("DEPLOYING", False), ("RUNNING", False)])
def test_waiting_for_slots(flink, url, task, is_waiting):
    assert rest.progress(url, flink.begin("ours", task=task).id).is_waiting is is_waiting


def test_a_job_is_cancelled(flink, url):
    job = flink.begin("ours")
    rest.cancel(url, job.id)
    assert rest.jobs(url, ["ours"])[0].state == "CANCELED"


@pytest.mark.parametrize(
    "exceptions",
    [
        {"root-exception": "java.io.IOException: gone", "exceptionHistory": {"entries": [{"stacktrace": "older"}]}},
        {"exceptionHistory": {"entries": [{"stacktrace": "java.io.IOException: gone"}, {"stacktrace": "older"}]}},
    ],
    ids=["1.19", "2"],
)
def test_the_newest_failure_counts(flink, url, exceptions):
    job = flink.begin("ours", state="FAILED")
    assert rest.failure(url, job.id) == ""
    job.exceptions = exceptions
    assert rest.failure(url, job.id) == "java.io.IOException: gone"


def test_slots(url):
    assert rest.slots(url) == (1, 2)


def test_no_proxy_is_asked(url, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert rest.slots(url) == (1, 2)


def test_a_cluster_that_is_away(flink, url):
    flink.is_away = True
    with pytest.raises(ServerUnavailable, match=r"Flink at http://127.*does not answer \(Service Unavailable\)"):
        rest.slots(url)
    with pytest.raises(ServerUnavailable, match=r"does not answer \(.*refused"):
        rest.slots("http://127.0.0.1:1")
