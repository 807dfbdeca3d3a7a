"""What TFX's cache makes of artifacts that are marked as deleted."""

import pytest

from pipeline.config import RunConfig
from pipeline.profiles.find import local
from pipeline.retention.apply import apply
from pipeline.retention.facts import read_facts
from pipeline.retention.plan import make_plan


@pytest.fixture
def config(tmp_path):
    return RunConfig(tmp_path / "data", tmp_path / "runs" / "toy", "r0")


@pytest.fixture
def run(config):
    """Runs a pipeline of one stage, with a schema of one feature, to a verdict; returns whether it was cached."""
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx.orchestration import metadata
    from tfx.orchestration.pipeline import Pipeline

    from components.import_schema.component import ImportSchema
    from pipeline.runners.local import run_pipeline

    def once(run_id, feature):
        config.output.mkdir(parents=True, exist_ok=True)
        stage = ImportSchema(schema_pb2.Schema(feature=[schema_pb2.Feature(name=feature)]))
        pipeline = Pipeline(
            pipeline_name="toy",
            pipeline_root=str(config.artifacts.resolve()),
            components=[stage],
            enable_cache=True,
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(config.metadata.resolve())),
        )
        [finished] = run_pipeline(pipeline, run_id, frozenset(), local(), lambda stage: None, lambda stage: None)
        report = config.output / "reports" / run_id / "report.json"
        report.parent.mkdir(parents=True)
        report.write_text("{}")
        return finished.cached

    return once


@pytest.mark.parametrize("killed", [True, False], ids=["killed before the files went", "done"])
def test_what_went_is_made_again_and_what_stayed_is_not(config, run, monkeypatch, killed):
    assert [run("r1", "a"), run("r2", "b"), run("r3", "b")] == [False, False, True]
    removals = make_plan(read_facts(config), 1).removals
    assert [removal.why for removal in removals] == ["of run r1"]
    with monkeypatch.context() as patched:
        if killed:
            patched.setattr("pipeline.retention.apply._remove", lambda root, path: None)
        apply(config, removals)
    assert (config.artifacts / removals[0].place).exists() is killed
    assert [run("r4", "b"), run("r5", "a"), run("r6", "a")] == [True, False, True]
    assert [removal.why for removal in make_plan(read_facts(config), 9).removals] == []
