"""What a cluster lacks is told in one sentence: exit code 1, and no traceback on the terminal."""

import shutil

import pytest
from cluster import ROOT


@pytest.fixture
def fails(begin):
    """Runs flights in a folder of its own, and returns the sentence with which it ends."""

    def sentence(title, *options, **more):
        run = begin(title, title.replace(" ", "-").replace("'", ""), *options, **more).finish()
        assert run.code == 1, run.said
        assert "Traceback" not in run.said
        assert list(run.stages.values())[-1] == "FAILED"
        return run.sentence

    return sentence


def test_a_command_of_other_sources_than_the_workers(cluster, fails, tmp_path):
    """Whatever was changed, workers would do as the image has it."""
    for package in ("schema", "components", "pipeline"):
        shutil.copytree(ROOT / package, tmp_path / package)
    with (tmp_path / "components" / "versions.py").open("a") as file:
        file.write("# Another version.\n")
    said = fails("other sources", environment={"PYTHONPATH": tmp_path})
    assert said.startswith("ExampleGen: the command and Beam's workers are not of one version (multihead ")
    assert said.endswith(" there); use the same image on both sides")


def test_a_cluster_without_its_job_server_and_without_flink(cluster, fails):
    cluster.stop("jobserver")
    said = fails("no job server")
    assert said.startswith("ExampleGen: Beam's job server at jobmanager:8099 does not answer (Connection refused)")
    cluster.stop("jobmanager")
    said = fails("no Flink")
    assert said.startswith("ExampleGen: Flink at http://jobmanager:8081 does not answer (")
    assert said.endswith("start the cluster, or name another by `flink_master` in the profile")


def test_more_tasks_than_slots(cluster, fails):
    said = fails("no slots", parallelism=3, patience=0.3)
    assert said.startswith("ExampleGen: within 0.3 minutes Flink had no free slot for its tasks; lower `parallelism`")


def test_too_few_network_buffers(the_cluster, fails):
    few = {"memory.network.min": "1m", "memory.network.max": "1m", "memory.segment-size": "128kb"}
    options = " ".join(f"-D taskmanager.{name}={value}" for name, value in few.items())
    the_cluster.up(FLINK_OPTIONS=f"{options} -D restart-strategy.type=none")  # It would be the same again.
    assert "Flink ran out of network buffers; raise taskmanager.memory.network.max" in fails("few buffers")


def test_too_little_memory_for_classes(the_cluster, fails):
    the_cluster.up(FLINK_OPTIONS="-D taskmanager.memory.jvm-metaspace.size=64m -D restart-strategy.type=none")
    said = fails("little memory", parallelism=1)
    # A TaskManager may be gone before it could say what it wants; then it is "lost", for reasons of which this is one.
    told = "ran out of memory for classes; raise taskmanager.memory.jvm-metaspace.size, "
    lost = "such as want of memory (taskmanager.memory.process.size, or .jvm-metaspace.size), "
    assert said.startswith("ExampleGen: a TaskManager of Flink")
    assert (told in said) != (lost in said)
