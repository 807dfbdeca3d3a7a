"""Stages in this process, with Beam where a profile says."""

from pathlib import Path

import pytest

from pipeline.config import RunConfig
from pipeline.profiles.find import local
from pipeline.profiles.profile import Profile, Stage
from pipeline.quiet import root_cause
from schema.contract import load_contract
from schema.errors import WorkerLost


@pytest.fixture
def ingest(write_task, tmp_path, toy_task):
    """Runs ExampleGen with a profile; returns what became of it."""
    from pipeline.graph import build_pipeline
    from pipeline.runners.local import run_pipeline

    toy_task["data"] = {"format": "csv", "split": {"by": "hash", "ratios": {"train": 2, "eval": 1, "test": 1}}}
    contract = load_contract(write_task(toy_task))
    # Rows that are unlike each other, so that every split gets some.
    (tmp_path / "rows.csv").write_text(
        "amount,colour,kind,size\n" + "".join(f"{i},red,cat,small\n{i},green,dog,large\n" for i in range(60))
    )

    def once(run_id, profile):
        pipeline = build_pipeline(contract, RunConfig(tmp_path / "rows.csv", tmp_path / "run", run_id))
        (tmp_path / "run").mkdir(exist_ok=True)
        nothing = frozenset()
        ignored = lambda _: None  # noqa: E731
        [stage] = run_pipeline(pipeline, run_id, nothing, profile, ignored, ignored, wanted=frozenset({"ExampleGen"}))
        return stage

    return once


def test_a_stage_has_its_own_pipeline(ingest, monkeypatch):
    import apache_beam as beam

    asked = []
    make = beam.Pipeline

    def noted(*given, argv=None, **more):
        asked.append(argv)
        return make(*given, argv=argv, **more)

    monkeypatch.setattr(beam, "Pipeline", noted)
    own = Stage(beam={"experiments": ["a", "b"]})
    assert not ingest("r1", Profile(all=local().all, stages={"ExampleGen": own})).cached
    assert [argv for argv in asked if argv] == [[*beam_arguments(), "--experiments=a", "--experiments=b"]]


def beam_arguments():
    from pipeline.profiles.beam import arguments

    return arguments(local().all.beam)


def test_another_profile_redoes_nothing(ingest):
    assert not ingest("r1", local()).cached
    everywhere = local().all.model_copy(update={"beam": {**local().all.beam, "experiments": ["a"]}})
    assert ingest("r2", Profile(all=everywhere)).cached


@pytest.fixture
def cluster(flink, tmp_path):
    """A profile of Flink whose jobs Beam does in this process; one whose number is given hangs when its work is done.

    Before each job it is noted which files of examples there are.
    """
    from apache_beam.options.pipeline_options import GoogleCloudOptions
    from apache_beam.portability import python_urns
    from apache_beam.runners.portability.local_job_service import BeamJob, LocalJobServicer

    hanging, found = [], []

    class Job(BeamJob):
        def _invoke_runner(self):
            found.append(sorted(tmp_path.glob("run/**/Split-*/*")))
            job = flink.begin(self.pipeline_options().view_as(GoogleCloudOptions).job_name)
            job.pace = 0 if len(flink.jobs) in hanging else 1
            result = super()._invoke_runner()
            result.wait_until_finish()
            if len(flink.jobs) in hanging:
                assert job.is_cancelled.wait(60)
                raise RuntimeError("org.apache.flink.runtime.client.JobCancellationException: Job was cancelled.")
            job.state = "FINISHED"
            return result

    service = LocalJobServicer(beam_job_type=Job)
    options = {
        "runner": "PortableRunner",
        "job_endpoint": f"localhost:{service.start_grpc_server()}",
        "flink_master": flink.address,
        "environment_type": python_urns.EMBEDDED_PYTHON,
        "sdk_container_image": "in-process",
    }

    def made(*numbers):
        hanging.extend(numbers)
        return Profile(all=Stage(beam=options, patience=0.3 / 60)), found

    yield made
    service.stop()


# Beam's own job server raises in a thread of its own what a job fails with.
_told_by_beam = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@_told_by_beam
def test_a_stage_is_done_again_from_nothing_if_its_job_hangs(ingest, cluster, flink):
    profile, found = cluster(1)
    stage = ingest("r1", profile)
    assert [job.state for job in flink.jobs] == ["CANCELED", "FINISHED"]
    assert found == [[], []]
    assert list(Path(stage.outputs["examples"].uri).glob("Split-*/*"))


@_told_by_beam
def test_a_stage_whose_job_hangs_twice_has_failed(ingest, cluster, flink):
    profile, _ = cluster(1, 2)
    with pytest.raises(WorkerLost, match=r"ExampleGen: its job on Flink made no progress.* \(tried twice\)") as failure:
        ingest("r1", profile)
    assert (failure.value.exit_code, root_cause(failure.value)) == (1, failure.value)
    assert [job.state for job in flink.jobs] == ["CANCELED", "CANCELED"]
