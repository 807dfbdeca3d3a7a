"""`multihead submit` and `multihead schedule --endpoint` as people call them, against a server over HTTP."""

import copy
import functools
import sys
import types

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import pipeline.runners.kubeflow.cluster as cluster
from pipeline.cli import app
from pipeline.profiles.find import local

IMAGE = "registry.example/multihead@sha256:" + 64 * "a"
COMPILED = ("--image", IMAGE, "--data", "/data/rows")
TOKEN = "eyJ-distinctive-secret"  # noqa: S105


@pytest.fixture
def compiled_as(monkeypatch, tiny, tiny_text):
    """Stands in for the compiler, which loads TFX; returns what it was asked for."""
    asked = []

    def compiled_quietly(contract, options, profile):
        asked.append((contract.task.task, options, profile))
        return types.SimpleNamespace(
            spec=copy.deepcopy(tiny),
            to_yaml=lambda: tiny_text,
            knows_data=options["looks"] and "seen" in options["data"],
        )

    monkeypatch.setattr(cluster, "compiled_quietly", compiled_quietly)
    monkeypatch.setattr(cluster, "follow", functools.partial(cluster.follow, poll=0.001))
    return asked


@pytest.fixture
def submit(main, endpoint, compiled_as):
    """Runs `multihead submit flights`: returns exit code, standard output and error."""
    return lambda *options, at=endpoint: main("submit", "flights", "--endpoint", at, *COMPILED, *options)


@pytest.fixture
def schedule(main, endpoint, compiled_as):
    return lambda *options: main("schedule", "flights", "--endpoint", endpoint, *options)


class TestSubmit:
    def test_a_run_is_begun(self, submit, kfp, endpoint, compiled_as):
        code, said, _ = submit("--pipeline-root", "s3://b/f", "--beam-option", "direct_num_workers=2", "--window", "3")
        assert code == 0
        [run_id] = kfp.runs
        assert f"run {run_id}: begun\nsee {endpoint}/#/runs/details/{run_id}\n" in said
        assert ": uploaded\n" in said
        assert kfp.runs[run_id].runtime_config.parameters == {"data_fingerprint": "[[RunUUID]]"}
        assert kfp.runs[run_id].runtime_config.pipeline_root == "s3://b/f"
        [(task, options, profile)] = compiled_as
        assert (task, options["image"], options["window"]) == ("flights", IMAGE, 3)
        assert profile.all.beam == {**local().all.beam, "direct_num_workers": "2"}

    def test_given_again(self, submit, kfp):
        submit()
        code, said, _ = submit()
        assert code == 0
        assert "the very same is under way, and none was begun" in said
        assert "is there already" in said
        assert len(kfp.runs) == len(kfp.versions) == 1

    def test_fresh_without_a_baseline_on_data_that_were_seen(self, submit, kfp):
        submit("--data", "/seen", "--fresh", "--no-baseline", "labels were corrected")
        [run] = kfp.runs.values()
        assert run.runtime_config.parameters == {"code": "[[RunUUID]]", "no_baseline": "labels were corrected"}

    def test_waiting_for_success(self, submit, kfp):
        kfp.frames = [
            ("RUNNING", {"ExampleGen": "RUNNING"}),
            ("SUCCEEDED", {"ExampleGen": "SUCCEEDED", "Pusher": "SUCCEEDED"}),
        ]
        code, said, _ = submit("--wait")
        assert code == 0
        assert [line.split()[:2] for line in said.splitlines()[-3:]] == [
            ["done", "ExampleGen"],
            ["done", "Pusher"],
            ["blessed"],
        ]

    @pytest.mark.parametrize("expected", [1, 2, 3, 4])
    def test_waiting_for_a_failure(self, submit, kfp, fake, expected):
        kfp.frames = [("FAILED", {"Pusher": "FAILED"})]
        kfp.workflow = fake.argo(("Pusher.executor", f"multihead: it is so (exit code {expected})"))
        code, said, _ = submit("--wait")
        assert code == expected
        assert said.endswith("Pusher: it is so\n")

    def test_ctrl_c_leaves_it_running(self, submit, kfp, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(cluster, "follow", interrupted)
        code, said, _ = submit("--wait")
        assert code == 1
        assert "interrupted; the run goes on: the same command follows it again, http" in said
        assert not kfp.seen("POST", "terminate")

    def test_a_server_that_goes_away_does_not_end_it(self, submit, kfp):
        kfp.overrides = {("GET", ".*/v2beta1/runs/[^/]+"): [(401, "application/json", "{}")]}
        code, said, _ = submit("--wait")
        assert code == 1
        assert "wants to know who asks (401)" in said
        assert "the run goes on" in said

    def test_the_token_is_nowhere(self, submit, kfp, tmp_path):
        kfp.token = TOKEN
        (tmp_path / "token").write_text(TOKEN)
        kfp.frames = [("FAILED", {"Pusher": "FAILED"})]
        code, said, complaint = submit("--token-file", str(tmp_path / "token"), "--wait")
        assert code == 1
        assert TOKEN not in said + complaint
        code, said, complaint = submit("--wait")
        assert (code, TOKEN in said + complaint) == (2, False)
        assert "give a token by --token-file" in complaint

    @pytest.mark.parametrize(
        ("options", "code", "complaint"),
        [
            (("--endpoint", "http://127.0.0.1:1"), 1, "cannot be reached"),
            (("--endpoint", "ftp://x"), 2, "--endpoint: not an address"),
            (("--token-file", "none"), 2, "--token-file: none: cannot be read"),
            (("--ssl-ca-cert", "none"), 2, "--ssl-ca-cert: none: cannot be used"),
            (("--profile", "none.yaml"), 2, "none.yaml"),
            (("--no-baseline", " "), 2, "--no-baseline: say why"),
            (("--set", "training.epocs=3"), 2, "epochs"),
        ],
    )
    def test_mistakes(self, submit, kfp, options, code, complaint):
        found, _, said = submit(*options)
        assert found == code
        assert complaint in said
        assert not kfp.runs

    def test_without_the_package(self, submit, monkeypatch):
        for name in ("client", "cluster", "publish", "submit", "recurring", "follow", "cause"):
            monkeypatch.delitem(sys.modules, f"pipeline.runners.kubeflow.{name}", raising=False)
        monkeypatch.setitem(sys.modules, "kfp_server_api", None)
        code, _, complaint = submit()
        assert code == 2
        assert complaint.startswith("talking to Kubeflow Pipelines needs the package kfp-server-api")


class TestSchedule:
    NIGHTLY = ("--cron", "0 2 * * *", *COMPILED)

    def test_created_and_given_again(self, schedule, kfp, compiled_as):
        code, said, _ = schedule(*self.NIGHTLY)
        assert code == 0
        assert "recurring run flights: created\n" in said
        assert 'runs are due at "0 2 * * *", by the clock of the server: UTC unless' in said
        [made] = kfp.recurring.values()
        assert (made.trigger.cron_schedule.cron, made.status) == ("0 0 2 * * *", "ENABLED")
        # What is begun by the clock looks at the data itself; macros are not replaced in what KFP has compiled once.
        assert not compiled_as[0][1]["looks"]
        assert made.runtime_config is None
        code, said, _ = schedule(*self.NIGHTLY)
        assert (code, "recurring run flights: nothing changed\n" in said) == (0, True)

    def test_changed(self, schedule, kfp):
        schedule(*self.NIGHTLY)
        _, said, _ = schedule("--cron", "@daily", *COMPILED)
        assert "replaced by one as asked for now" in said
        assert [made.trigger.cron_schedule.cron for made in kfp.recurring.values()] == ["0 0 0 * * *"]

    def test_disabled_enabled_listed_deleted(self, schedule, kfp):
        assert "recurring run flights: there is none" in schedule("--list")[1]
        schedule(*self.NIGHTLY)
        assert "is as it was, and disabled now" in schedule("--disable")[1]
        assert not kfp.enabled()
        assert "disabled: no run begins until --enable" in schedule(*self.NIGHTLY)[1]
        assert 'flights: disabled, "0 2 * * *", version' in schedule("--list")[1]
        assert "is as it was, and enabled now" in schedule("--enable")[1]
        assert 'flights: enabled, "0 2 * * *"' in schedule("--list")[1]
        assert "recurring run flights: deleted; runs that have begun go on" in schedule("--delete")[1]
        assert not kfp.recurring
        code, _, complaint = schedule("--enable")
        assert (code, "has no recurring run 'flights'; create it by --cron" in complaint) == (2, True)

    def test_created_disabled(self, schedule, kfp):
        schedule(*self.NIGHTLY, "--disable")
        assert [made.status for made in kfp.recurring.values()] == ["DISABLED"]

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            ((), "create or change the recurring run by --cron, or give one of --enable"),
            (("--list", "--delete"), "give one of --enable"),
            ((*NIGHTLY, "--delete"), "give one of --enable"),
            (("--cron", "0 2 * *", *COMPILED), "has 4 fields; give five"),
            (("--cron", "0 2 * * *", "--data", "/data"), "--image: name the image"),
            ((*NIGHTLY, "--timezone", "Europe/Berlin"), "--timezone: is for runs on this machine, not for those that"),
            ((*NIGHTLY, "--now"), "--now: is for runs on this machine"),
            ((*NIGHTLY, "--print", "cron"), "--print: is for runs on this machine"),
            ((*NIGHTLY, "--notify", "https://x"), "--notify: is for runs on this machine"),
        ],
    )
    def test_mistakes(self, schedule, kfp, options, complaint):
        code, _, said = schedule(*options)
        assert code == 2
        assert complaint in said
        assert not kfp.recurring

    @pytest.mark.parametrize(
        "option", ["--enable", "--disable", "--list", "--delete", "--serving=/m", "--namespace=a", "--no-verify-ssl"]
    )
    def test_options_that_need_an_endpoint(self, main, option):
        code, _, complaint = main("schedule", "flights", "--cron", "0 2 * * *", option)
        assert code == 2
        assert "is for runs on Kubeflow Pipelines; give its address by --endpoint" in complaint

    def test_an_option_of_the_environment_is_none_of_the_command_line(self, schedule, monkeypatch):
        monkeypatch.setenv("MULTIHEAD_NOTIFY", "https://example.org/hook")
        assert schedule(*self.NIGHTLY)[0] == 0

    def test_no_cron_for_this_machine(self, main):
        code, _, complaint = main("schedule", "flights")
        assert (code, "--cron: say when runs are due" in complaint) == (2, True)


def test_a_real_task_is_compiled_uploaded_and_run(kfp, endpoint):
    # Not by `main`, which ends the process at once when TensorFlow is there.
    done = CliRunner().invoke(app, ["submit", "flights", "--endpoint", endpoint, *COMPILED])
    assert done.exit_code == 0, done.output
    [version] = kfp.versions.values()
    [run] = kfp.runs.values()
    assert {"ExampleGen", "Evaluator", "Pusher"} <= set(version.pipeline_spec["root"]["dag"]["tasks"])
    assert run.runtime_config.parameters == {"data_fingerprint": "[[RunUUID]]"}


def test_what_comes_again_looks_at_the_data_itself(compiled, tmp_path):
    pq.write_table(pa.table({"year": [2013]}), tmp_path / "rows.parquet")
    seen, not_seen = (compiled(data=str(tmp_path), looks=looks) for looks in (True, False))
    assert (seen.knows_data, not_seen.knows_data) == (True, False)
    assert "cachingOptions" not in not_seen.spec["root"]["dag"]["tasks"]["ExampleGen"]
