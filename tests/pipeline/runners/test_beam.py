"""Beam pipelines where a profile says: a job server that is started at need, once, and is gone in the end."""

import os
import sys
import time

import pytest

from pipeline.profiles.find import local
from pipeline.profiles.profile import Profile, Stage
from pipeline.runners import version
from pipeline.runners.beam import beam_pipelines
from schema.errors import ServerUnavailable, UserError

# Says who it is and with what it was started, answers at its port, and ends when it is told to.
_SERVER = """\
#!{python}
import os, sys, concurrent.futures, threading, grpc
arguments = dict(zip(sys.argv[3::2], sys.argv[4::2]))
folder = os.environ.get("FLINK_CONF_DIR")
conf = open(folder + "/flink-conf.yaml").read() if folder else ""
open("{told}", "a").write(f"{{os.getpid()}}\\n{{sys.argv[2]}}\\n{{arguments['--flink-master']}}\\n{{conf!r}}\\n")
if "{dies}": sys.exit(7)
server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
server.add_insecure_port("localhost:" + arguments["--job-port"])
server.start()
threading.Event().wait()
"""


@pytest.fixture
def launcher(tmp_path, monkeypatch):
    """A profile whose Java is that script."""
    monkeypatch.delenv("FLINK_CONF_DIR", raising=False)

    def written(dies="", **options):
        java = tmp_path / "java"
        java.write_text(_SERVER.format(python=sys.executable, told=tmp_path / "told", dies=dies))
        java.chmod(0o755)
        (tmp_path / "server.jar").touch()
        options = {
            "job_server_java_launcher": str(java),
            "flink_job_server_jar": str(tmp_path / "server.jar"),
            **options,
        }
        stage = Stage(beam={"runner": "FlinkRunner", "flink_master": "[local]", **options})
        settings = {"taskmanager.memory.network.min": "512mb", "a.flag": True}
        return Profile(all=stage, stages={"Drift": local().all}, flink=settings)

    return written


@pytest.fixture
def told(tmp_path):
    """What servers have said of themselves: process, jar, master, settings of Flink."""

    def read():
        lines = (tmp_path / "told").read_text().splitlines() if (tmp_path / "told").exists() else []
        return [lines[i : i + 4] for i in range(0, len(lines), 4)]

    return read


def is_alive(pid):
    """Looks after a child of this process; one that has just been killed may need a moment."""
    for _ in range(100):
        try:
            if os.waitpid(int(pid), os.WNOHANG) != (0, 0):
                return False
        except ChildProcessError:
            return False
        time.sleep(0.1)
    return True


def made(pipelines_of, stage):
    """Returns the options with which the pipeline of a stage is made."""
    with pipelines_of(stage) as make:
        return make().options.get_all_options(retain_unknown_options=True)


def test_one_server_for_all_stages(launcher, told, tmp_path):
    with beam_pipelines(launcher()) as pipelines_of:
        assert made(pipelines_of, "Drift")["job_endpoint"] is None
        assert told() == []  # Nobody has asked yet.
        addresses = {made(pipelines_of, stage)["job_endpoint"] for stage in ("ExampleGen", "Transform", "Transform")}
        [(pid, jar, master, settings)] = told()
        assert len(addresses) == 1
        os.kill(int(pid), 0)  # It is there.
    assert not is_alive(pid)
    assert (jar, master) == (str(tmp_path / "server.jar"), "[local]")
    assert "taskmanager.memory.network.min: 512mb\\na.flag: true\\n" in settings
    assert "FLINK_CONF_DIR" not in os.environ


def test_it_is_gone_after_a_failure(launcher, told):
    def interrupted():
        with beam_pipelines(launcher()) as pipelines_of:
            made(pipelines_of, "Evaluator")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not is_alive(told()[0][0])


def test_a_cluster_has_settings_of_its_own(launcher, told, flink):
    with beam_pipelines(launcher(flink_master=flink.address)) as pipelines_of:
        options = made(pipelines_of, "ExampleGen")
    assert told()[0][2:] == [f"http://{flink.address}", "''"]
    assert options["job_name"].startswith("multihead-ExampleGen-")


def test_no_server_is_started_for_a_cluster_that_is_not_there(launcher, told):
    with (
        beam_pipelines(launcher(flink_master="127.0.0.1:1")) as pipelines_of,
        pytest.raises(ServerUnavailable, match=r"ExampleGen: Flink at http://127.0.0.1:1 does not answer"),
    ):
        made(pipelines_of, "ExampleGen")
    assert told() == []


def test_settings_of_the_environment_stay(launcher, told, tmp_path, monkeypatch):
    (tmp_path / "flink-conf.yaml").write_text("mine: 1")
    monkeypatch.setenv("FLINK_CONF_DIR", str(tmp_path))
    with beam_pipelines(launcher()) as pipelines_of:
        made(pipelines_of, "ExampleGen")
    assert told()[0][3] == "'mine: 1'"


def test_a_server_that_does_not_start(launcher):
    with (
        beam_pipelines(launcher(dies="yes")) as pipelines_of,
        pytest.raises(UserError, match=r"job server for Flink does not start .*7.*the log"),
    ):
        made(pipelines_of, "ExampleGen")


@pytest.mark.parametrize(
    ("options", "kept"),
    [({}, []), ({"experiments": "a"}, ["a"]), ({"experiments": ["a", "b"]}, ["a", "b"])],
)
def test_a_pool_of_workers_is_told_the_version(options, kept):
    def experiments(**more):
        profile = Profile(all=Stage(beam={"runner": "DirectRunner", **options, **more}), stages={}, flink={})
        with beam_pipelines(profile) as pipelines, pipelines("Transform") as make:
            return make().options.get_all_options()["experiments"] or []

    assert version.experiment() not in experiments()
    pool = {"environment_type": "EXTERNAL", "environment_config": "localhost:1"}
    assert [one for one in experiments(**pool) if one in (*kept, version.experiment())] == [*kept, version.experiment()]
