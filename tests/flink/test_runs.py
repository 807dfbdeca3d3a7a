"""The whole graph on a cluster, against the same in one process of the same image."""

from alike import differences
from cluster import STAGES


def test_a_model_is_pushed(undisturbed):
    assert undisturbed.code == 0, undisturbed.said
    assert undisturbed.report["pushed"]
    assert set(undisturbed.stages.values()) == {"done"}


def test_the_report_is_that_of_a_run_in_process(undisturbed, in_process):
    assert in_process.code == 0, in_process.said
    assert in_process.jobs == []
    assert differences(undisturbed.report, in_process.report) == {}


def test_every_beam_stage_was_done_on_flink(undisturbed):
    assert {job.stage for job in undisturbed.jobs} == set(STAGES)
    assert {job.state for job in undisturbed.jobs} == {"FINISHED"}


def test_both_taskmanagers_have_judged(undisturbed):
    [job] = [job for job in undisturbed.jobs if job.stage == "Evaluator"]
    assert {host for host, records in job.records.items() if records} == {"taskmanager-1", "taskmanager-2"}
