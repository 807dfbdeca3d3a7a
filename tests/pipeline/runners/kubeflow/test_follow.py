"""A run is followed to its end: a line per stage, and the exit code that a local run would have had."""

import io

import pytest
from rich.console import Console

from pipeline.progress import Progress
from pipeline.runners.kubeflow.cause import failed_pods
from pipeline.runners.kubeflow.follow import follow, stages
from pipeline.runners.kubeflow.submit import begin
from schema.errors import ServerRefused, ServerUnavailable

STAGES = ("ExampleGen", "DataGate", "Pusher")
AWAY = (503, "text/html", "away")
RUN = ("GET", ".*/v2beta1/runs/[^/]+")


@pytest.fixture
def ended(client, order, kfp):
    """Follows a run that goes through the frames given; returns how it ended, and the lines on the terminal."""

    def run(*frames, patience=600):
        kfp.frames = list(frames)
        run_id, _ = begin(client, "flights", order())
        screen = io.StringIO()
        how = follow(client, run_id, STAGES, Progress(Console(file=screen)), poll=0.001, patience=patience)
        return how, screen.getvalue().splitlines()

    return run


def test_a_success(ended):
    how, lines = ended(
        ("PENDING", {}),
        ("RUNNING", {"ExampleGen": "RUNNING"}),
        ("RUNNING", {"ExampleGen": "reused", "DataGate": "RUNNING"}),
        ("SUCCEEDED", {"ExampleGen": "reused", "DataGate": "SUCCEEDED", "Pusher": "SUCCEEDED"}),
    )
    assert (how.code, how.sentences) == (0, ())
    assert [line.split() for line in lines] == [
        ["cached", "ExampleGen", "12", "s"],
        ["done", "DataGate", "70", "s"],  # Its driver, too: a stage waits for two pods.
        ["done", "Pusher", "70", "s"],
    ]


@pytest.mark.parametrize(
    ("stage", "sentence", "code"),
    [
        ("DataGate", "the data contradicts schema.pbtxt: column 'carrier' has new values", 3),
        ("Pusher", "head cancelled: auc 0.61 is below 0.7", 4),
        ("Pusher", "/models: cannot be written (Permission denied)", 2),
        ("Pusher", "ZeroDivisionError: division by zero", 1),
    ],
)
def test_a_failure_has_its_sentence_and_its_exit_code(ended, kfp, fake, stage, sentence, code):
    message = f"main: Error (exit code 1): multihead: {sentence} (exit code {code})"
    kfp.workflow = fake.argo((f"{stage}.executor", message))
    how, lines = ended(("FAILED", {"ExampleGen": "SUCCEEDED", stage: "FAILED"}))
    assert (how.code, how.sentences) == (code, (f"{stage}: {sentence}",))
    assert lines[-1].split() == ["FAILED", stage, "70", "s"]


def test_a_sentence_that_is_only_in_the_log(ended, kfp, fake):
    kfp.workflow = fake.argo(("Pusher.executor", "main: Error (exit code 1)"))
    [node] = (node for node in kfp.workflow["status"]["nodes"].values() if node["type"] == "Pod")
    pod = f"flights-x7k2p-system-container-impl-{node['id'].rpartition('-')[2]}"
    kfp.logs[pod] = (
        "I1125 launcher_v2.go:151] multihead: of an earlier try (exit code 1)\n"
        "2026-01-01 W absl Something\nmultihead: auc is too low (exit code 4)\n"
        "F1125 main.go:57] failed to execute component: exit status 4\n"
    )
    how, _ = ended(("FAILED", {"Pusher": "FAILED"}))
    assert (how.code, how.sentences) == (4, ("Pusher: auc is too low",))


@pytest.mark.parametrize(
    ("node", "message", "stage"),
    [
        ("DataGate.executor", "OOMKilled (exit code 137)", "DataGate"),
        ("DataGate.executor", "Pod failed before main container starts due to ImagePullBackOff: x", "DataGate"),
        ("DataGate-driver", "main: Error (exit code 1)", "DataGate"),
    ],
)
def test_what_kubernetes_says(ended, kfp, fake, node, message, stage):
    kfp.workflow = fake.argo((node, message))
    how, lines = ended(("FAILED", {stage: "no driver" if "driver" in node else "FAILED"}))
    assert (how.code, how.sentences) == (1, (f"{stage}: {message}",))
    assert lines[-1].split()[:2] == ["FAILED", stage]


def test_the_first_of_two_failures_says_the_exit_code(ended, kfp, fake):
    kfp.workflow = fake.argo(
        ("DataGate.executor", "multihead: anomalies (exit code 3)"),
        ("Pusher.executor", "multihead: no room (exit code 1)"),
    )
    how, _ = ended(("FAILED", {"DataGate": "FAILED", "Pusher": "FAILED"}))
    assert (how.code, how.sentences) == (3, ("DataGate: anomalies", "Pusher: no room"))


def test_a_server_that_does_not_say_why(ended, kfp):
    how, _ = ended(("FAILED", {"DataGate": "FAILED"}))
    assert how.code == 1
    assert how.sentences == ("DataGate: failed; the server does not say why, its page does",)


def test_a_run_that_was_terminated(ended):
    how, _ = ended(("CANCELING", {"ExampleGen": "RUNNING"}), ("CANCELED", {"ExampleGen": "FAILED"}))
    assert (how.code, how.sentences) == (1, ("the run was ended before its time (canceled)",))


def test_stages_are_told_once_they_have_ended_if_the_run_has_before(ended):
    how, lines = ended(("SUCCEEDED", {"Pusher": "RUNNING"}), ("SUCCEEDED", {"Pusher": "SUCCEEDED"}))
    assert how.code == 0
    assert [line.split()[:2] for line in lines] == [["done", "Pusher"]]


def test_a_stage_that_never_began_is_not_waited_for(ended, kfp):
    how, lines = ended(("FAILED", {"DataGate": "FAILED", "Pusher": "RUNTIME_STATE_UNSPECIFIED"}))
    assert how.code == 1
    assert [line.split()[1] for line in lines] == ["DataGate"]


class TestAServerThatIsAway:
    def test_for_a_moment(self, ended, kfp):
        kfp.overrides = {RUN: [AWAY] * 9 + [None]}
        assert ended(("SUCCEEDED", {"Pusher": "SUCCEEDED"}))[0].code == 0

    def test_for_good(self, ended, kfp):
        kfp.overrides = {RUN: [AWAY]}
        with pytest.raises(ServerUnavailable, match="503"):
            ended(patience=0)

    def test_a_run_that_is_gone(self, ended, kfp):
        kfp.overrides = {RUN: [(404, "application/json", '{"message": "Run not found"}')]}
        with pytest.raises(ServerRefused, match="Run not found"):
            ended()


def test_stages_side_by_side_are_told_apart(fake):
    details = fake.nodes("flights", "SUCCEEDED", {"ExampleGen": "SUCCEEDED", "DataGate": "reused"})
    for detail in details:  # As the client reads them.
        detail.start_time, detail.end_time = map(
            fake.datetime.datetime.fromisoformat, (detail.start_time, detail.end_time)
        )
    # ExampleGen runs all the while in which DataGate is taken from the cache.
    by_name = {detail.display_name: detail for detail in details}
    late = by_name["DataGate"].end_time + fake.datetime.timedelta(seconds=50)
    by_name["ExampleGen"].end_time = late
    found = stages(details, STAGES)
    assert list(found) == ["ExampleGen", "DataGate"]
    assert (found["ExampleGen"].is_reused, found["DataGate"].is_reused) == (False, True)


class TestFailedPods:
    def test_an_attempt_that_was_made_up_for_is_none(self, fake):
        workflow = fake.argo(("Trainer.executor(0)", "preempted"), ("Pusher.executor", "refused"))
        nodes = workflow["status"]["nodes"]
        for node in nodes.values():
            if node["name"].endswith("root.Trainer"):
                node["phase"] = "Succeeded"
        assert [node["message"] for node in failed_pods(workflow)] == ["refused"]

    def test_the_last_attempt_counts(self, fake):
        workflow = fake.argo(("Trainer.executor(0)", "first"), ("Trainer.executor(1)", "second"))
        assert [node["message"] for node in failed_pods(workflow)] == ["second"]

    def test_the_driver_of_all(self, fake):
        workflow = fake.argo()
        workflow["status"]["nodes"]["x"] = {
            "id": "x-1",
            "name": "flights-x7k2p.root-driver",
            "type": "Pod",
            "phase": "Error",
            "message": "no metadata",
        }
        assert [node["id"] for node in failed_pods(workflow)] == ["x-1"]

    def test_nothing_known(self):
        assert failed_pods({}) == []
