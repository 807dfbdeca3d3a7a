"""Parts of the cluster are killed while a run works there."""

import pytest
from alike import differences
from cluster import STAGES

# Minutes; no piece of work of the sample takes nearly as long.
PATIENCE = 1


@pytest.fixture(scope="module")
def disturbed(whole_cluster, begin):
    """A run that loses a TaskManager, with its workers, in every Beam stage; and the jobs that lost it."""
    run = begin("a TaskManager lost per stage", "disturbed")
    hit = {}
    for number, stage in enumerate(STAGES):
        hit[stage] = run.wait_for(stage)["jid"]
        whole_cluster.lose(1 + number % 2)
    return run.finish(), hit


def test_a_run_survives_the_loss_of_a_taskmanager_in_every_stage(disturbed):
    run, _ = disturbed
    assert run.code == 0, run.said
    assert run.report["pushed"]


def test_every_loss_was_felt(disturbed, whole_cluster):
    for job in disturbed[1].values():
        assert whole_cluster.ask(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"] != []


def test_the_report_is_that_of_an_undisturbed_run(disturbed, undisturbed):
    assert differences(disturbed[0].report, undisturbed.report) == {}


def test_a_stage_whose_worker_dies_while_it_starts_is_done_once_more(cluster, undisturbed, begin):
    # Other slices: only the Evaluator has something to do.
    run = begin("a Beam worker lost", "undisturbed", "--set=slices=[[origin]]", patience=PATIENCE)
    cluster.lose_worker(1)
    run.finish()
    assert run.code == 0, run.said
    assert (run.stages["Trainer"], run.stages["Evaluator"]) == ("cached", "done")
    assert [(job.stage, job.state) for job in run.jobs] == [("Evaluator", "CANCELED"), ("Evaluator", "FINISHED")]
    expected = {head: found["overall"] for head, found in undisturbed.report["heads"].items()}
    for head, found in run.report["heads"].items():
        assert found["overall"] == pytest.approx(expected[head], abs=1e-6, nan_ok=True)


def test_a_second_loss_is_a_failure(cluster, begin):
    run = begin("Beam workers lost twice", "lost-twice", patience=PATIENCE)
    cluster.lose_worker(1)
    cluster.lose_worker(1)  # The first one is gone: it waits for that of the second try.
    run.finish()
    assert run.code == 1
    assert run.sentence.startswith("ExampleGen: its job on Flink made no progress for 1 minute and was cancelled; ")
    assert run.sentence.endswith("(tried twice)")
    assert "Traceback" not in run.said
    assert [(job.stage, job.state) for job in run.jobs] == [("ExampleGen", "CANCELED")] * 2
