"""What a cluster lacks is told in one sentence: exit code 1, and no traceback on the terminal."""

import pytest


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


@pytest.fixture
def set_otherwise(the_cluster):
    """Starts the cluster anew with other settings of TaskManagers."""

    def up(**settings):
        options = {f"taskmanager.memory.{name.replace('__', '.')}": value for name, value in settings.items()}
        options["restart-strategy.type"] = "none"  # It would be the same again.
        the_cluster.up(" ".join(f"-D {name.replace('_', '-')}={value}" for name, value in options.items()))

    return up


def test_too_few_network_buffers(set_otherwise, fails):
    set_otherwise(network__min="1m", network__max="1m", segment_size="128kb")
    assert "Flink ran out of network buffers; raise taskmanager.memory.network.max" in fails("few buffers")


def test_too_little_memory_for_classes(set_otherwise, fails):
    set_otherwise(jvm_metaspace__size="64m")
    assert "raise taskmanager.memory.jvm-metaspace.size" in fails("little metaspace")
