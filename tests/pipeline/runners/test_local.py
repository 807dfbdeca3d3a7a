"""Stages in this process, with Beam where a profile says."""

import pytest

from pipeline.config import RunConfig
from pipeline.profiles.find import local
from pipeline.profiles.profile import Profile, Stage
from schema.contract import load_contract


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
