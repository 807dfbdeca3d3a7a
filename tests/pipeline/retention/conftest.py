"""A run's folder as ML Metadata and the disk have it, without running anything."""

import json

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from components.example_gen.entries import Entry, entries_to_json
from components.pusher import serving
from pipeline.config import RunConfig
from pipeline.retention.facts import open_metadata

LIVE = metadata_store_pb2.Artifact.LIVE


class RunFolder:
    """Writes runs of ExampleGen and Trainer, each in a file of ten bytes."""

    def __init__(self, output):
        self.config = RunConfig(output.parent / "data", output, "now")
        self.artifacts = self.config.artifacts
        output.mkdir(parents=True)
        connection = metadata_store_pb2.ConnectionConfig()
        connection.sqlite.filename_uri = str(self.config.metadata)
        connection.sqlite.connection_mode = 3
        store = metadata_store.MetadataStore(connection)
        kinds = metadata_store_pb2.ContextType(name="pipeline_run"), metadata_store_pb2.ExecutionType(name="Stage")
        self._run_type = store.put_context_type(kinds[0])
        self._stage_type = store.put_execution_type(kinds[1])
        self._artifact_type = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Anything"))
        self._store = store

    def run(self, name, spans=(), has_verdict=True, pushes=False, reads=None):
        """Writes a run; returns the places of its examples and model, the first those of `reads` if given."""
        self._context = metadata_store_pb2.Context(name=name, type_id=self._run_type)
        [self._context.id] = self._store.put_contexts([self._context])
        entries = [Entry(span, number, "", "key") for number, span in enumerate(spans)]
        examples = self._stage("ExampleGen/examples", outputs=reads, window=entries_to_json(entries))
        for span in spans:
            self.write(f"spans/{span}-key/rows")
        model = self._stage("Trainer/model", inputs=examples)
        self.write(f"{model}/Format-Serving/saved_model.pb")
        if pushes:
            serving.push(
                self.artifacts / model / "Format-Serving",
                self.config.serving,
                source=str(self.artifacts.resolve() / model),
                training=name,
                baseline=None,
                run_id=name,
            )
        if has_verdict:
            report = self.config.output / "reports" / name / "report.json"
            report.parent.mkdir(parents=True)
            report.write_text(json.dumps({"run_id": name}))
        return examples, model

    def _stage(self, output, inputs=None, outputs=None, window=""):
        execution = metadata_store_pb2.Execution(type_id=self._stage_type)
        execution.custom_properties["window"].string_value = window
        [execution.id] = self._store.put_executions([execution])
        place = outputs or f"{output}/{execution.id}"
        self.write(f"{place}/file")
        known = {artifact.uri: artifact for artifact in self._store.get_artifacts()}
        uri = str(self.artifacts.resolve() / place)
        made = known.get(uri) or metadata_store_pb2.Artifact(type_id=self._artifact_type, uri=uri, state=LIVE)
        event = metadata_store_pb2.Event
        pairs = [(made, event(type=event.OUTPUT))]
        if inputs:
            pairs.append((known[str(self.artifacts.resolve() / inputs)], event(type=event.INPUT)))
        self._store.put_execution(execution, pairs, [self._context])
        return place

    def write(self, place):
        """Writes a file of ten bytes."""
        file = self.artifacts / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"0123456789")
        return file

    def states(self):
        """State of every artifact in ML Metadata, by place."""
        states = metadata_store_pb2.Artifact.State
        return {
            artifact.uri.removeprefix(f"{self.artifacts.resolve()}/"): states.Name(artifact.state)
            for artifact in open_metadata(self.config.metadata, read_only=True).get_artifacts()
        }

    def files(self):
        """Everything in the folder of artifacts but folders."""
        return {str(path.relative_to(self.artifacts)) for path in self.artifacts.rglob("*") if not path.is_dir()}


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "runs" / "toy")
