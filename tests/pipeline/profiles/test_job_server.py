"""What is said before a run if Beam's job server for Flink could not start."""

import http.server
import threading

import pytest

from pipeline.profiles import job_server
from pipeline.profiles.profile import Profile, Stage
from schema.errors import UserError

_FLINK = {"runner": "FlinkRunner"}


@pytest.fixture(autouse=True)
def java(tmp_path, monkeypatch):
    """A PATH with a Java, a home without Beam's jars, and no jar made by `make flink-jar`."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(job_server, "MADE", tmp_path / "job-server.jar")
    return tmp_path / "bin" / "java"


def flink(**options):
    return Profile(all=Stage(beam={**_FLINK, **options}))


@pytest.fixture
def repository(monkeypatch):
    """Maven Central, with the names of what it has."""
    has = set()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200 if self.path.rpartition("/")[2] in has else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(job_server, "beams_own", lambda options: f"http://127.0.0.1:{server.server_port}/own.jar")
    yield has
    server.shutdown()


def test_without_java(java):
    java.unlink()
    with pytest.raises(UserError, match="needs Java, and there is no 'java'; install"):
        job_server.check(flink())


def test_without_a_jar(repository):
    with pytest.raises(UserError, match=r"cannot be had from http://.*/own\.jar; make one by `make flink-jar`"):
        job_server.check(flink())


def test_beams_own_jar_is_left_to_beam(repository):
    repository.add("own.jar")
    job_server.check(flink())
    assert job_server.jar(_FLINK) is None


def test_the_jar_that_was_made(tmp_path):
    job_server.MADE.touch()
    job_server.check(flink())
    assert job_server.jar(_FLINK) == str(tmp_path / "job-server.jar")


def test_a_jar_that_is_named(tmp_path):
    job_server.MADE.touch()
    with pytest.raises(UserError, match=r"flink_job_server_jar=.*/none\.jar: no such file"):
        job_server.check(flink(flink_job_server_jar=str(tmp_path / "none.jar")))
    (tmp_path / "own.jar").touch()
    job_server.check(flink(flink_job_server_jar=str(tmp_path / "own.jar")))


@pytest.mark.parametrize(
    "options",
    [
        {"runner": "FnApiRunner"},
        {"job_endpoint": "jobs:8099"},
        {"flink_master": "jobs:8081", "flink_submit_uber_jar": True},
    ],
)
def test_who_starts_no_job_server_needs_nothing(java, options):
    java.unlink()
    job_server.check(flink(**options))


def test_one_stage_is_enough(java):
    java.unlink()
    with pytest.raises(UserError, match="needs Java"):
        job_server.check(Profile(stages={"Evaluator": Stage(beam=_FLINK)}))


def test_beam_says_where_its_jar_is(monkeypatch):
    monkeypatch.undo()
    assert job_server.beams_own(_FLINK).endswith(".jar")
    assert "-job-server-" in job_server.beams_own({**_FLINK, "flink_job_server_jar": "/none.jar"})
