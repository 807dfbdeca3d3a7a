"""The double is as strict as KFP, without a container."""

import json

import pytest
import yaml
from double import driver, launcher
from double.containers import Files
from double.errors import LauncherFailed, Refused
from double.metadata import Metadata
from double.pipeline import Pipeline
from double.store import DEFAULT_ROOT, Store

ROOT = f"{DEFAULT_ROOT}/flights/run-1"


@pytest.fixture
def documents(flights):
    return list(yaml.safe_load_all(flights.read_text()))


@pytest.fixture
def upload(tmp_path):
    def read(*documents):
        file = tmp_path / "pipeline.yaml"
        file.write_text(yaml.safe_dump_all(documents))
        return Pipeline(file)

    return read


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_compiled_file_is_taken(upload, documents):
    assert len(upload(*documents).tasks) == 12


@pytest.mark.parametrize("version", ["2.0.0", ""])
def test_another_schema_version_is_refused(upload, documents, version):
    documents[0]["schemaVersion"] = version
    with pytest.raises(Refused, match="only supports schema version"):
        upload(*documents)


def test_a_resolver_is_refused(upload, documents):
    documents[0]["deploymentSpec"]["executors"]["Baseline_executor"] = {"resolver": {}}
    with pytest.raises(Refused, match="not implemented"):
        upload(*documents)


def test_a_job_is_refused(upload, documents):
    with pytest.raises(Refused):
        upload({"pipelineSpec": documents[0]})


def test_a_missing_parameter_is_refused(upload, documents):
    del documents[0]["root"]["inputDefinitions"]["parameters"]["serving"]["defaultValue"]
    with pytest.raises(Refused, match="serving"):
        upload(*documents).parameters({}, "run-1")


def test_macros_are_replaced_in_given_values_and_not_in_defaults(upload, documents):
    documents[0]["root"]["inputDefinitions"]["parameters"]["serving"]["defaultValue"] = "[[RunUUID]]"
    values = upload(*documents).parameters({"data_fingerprint": "[[RunUUID]]"}, "run-1")
    assert (values["data_fingerprint"], values["serving"]) == ("run-1", "[[RunUUID]]")


def test_every_step_has_a_place_of_its_own_and_one_for_its_log(upload, documents):
    pipeline = upload(*documents)
    values = pipeline.parameters({}, "run-1")
    calls = [driver.hand_over(pipeline, "ExampleGen", values, {}, ROOT, "run-1") for _ in range(2)]
    uris = [call["outputs"]["artifacts"]["examples"]["artifacts"][0]["uri"] for call in calls]
    assert len(set(uris)) == 2
    log = calls[0]["outputs"]["artifacts"]["executor-logs"]["artifacts"][0]
    assert log["type"] == {"schemaTitle": "system.Artifact"}


def test_the_cache_knows_parameters_image_and_claims(upload, documents):
    def fingerprint(**given):
        pipeline = upload(*documents)
        values = pipeline.parameters(given, "run-1")
        return driver.fingerprint(
            pipeline, "ExampleGen", driver.hand_over(pipeline, "ExampleGen", values, {}, ROOT, "run-1")
        )

    before = fingerprint()
    assert before == fingerprint()
    assert before != fingerprint(data_fingerprint="another")
    documents[0]["deploymentSpec"]["executors"]["ExampleGen_executor"]["container"]["image"] = "another"
    assert before != fingerprint()


def test_metadata_come_back_as_ml_metadata_keeps_them():
    given = {"splits": ["a"], "more": {"b": 1}, "good": True, "rows": 3, "text": "c"}
    artifact = {"uri": f"{ROOT}/x", "type": {"instanceSchema": "title: tfx.Examples"}, "metadata": given}
    handed = Metadata().record("examples", artifact).handed()
    assert handed["name"] == "1"
    assert handed["type"] == {"instanceSchema": ""}
    added = {name: handed["metadata"].pop(name) for name in ("display_name", "store_session_info")}
    assert added["display_name"] == "examples"
    assert json.loads(added["store_session_info"])["Provider"] == "minio"
    assert handed["metadata"] == {
        "splits": {"list": ["a"]},
        "more": {"struct": {"b": 1}},
        "good": 1,
        "rows": 3.0,
        "text": "c",
    }


def test_a_null_fails():
    artifact = {"uri": "", "type": {"schemaTitle": "system.Artifact"}, "metadata": {"nothing": None}}
    with pytest.raises(LauncherFailed, match="nothing"):
        Metadata().record("examples", artifact)


def call(uri=f"{ROOT}/Make/1/made"):
    types = {"made": "tfx.Examples", "executor-logs": "system.Artifact"}
    uris = {"made": uri, "executor-logs": f"{ROOT}/Make/1/executor-logs-0"}
    artifacts = {
        key: {"artifacts": [{"name": key, "uri": uris[key], "type": {"schemaTitle": title}}]}
        for key, title in types.items()
    }
    return {"inputs": {}, "outputs": {"artifacts": artifacts, "outputFile": "/minio/x/output_metadata.json"}}


def launched(result, exit_code=0, files=None):
    return launcher.Launched(exit_code, "log", 1.0, result, {"made": files})


@pytest.mark.parametrize(
    "text",
    ['{"artifacts": {}, "more": 1}', '{"artifacts": {"made": {"artifacts": [{"url": ""}]}}}', "[]", "{", '{"a": NaN}'],
)
def test_executor_output_is_read_strictly(store, text):
    with pytest.raises(LauncherFailed, match="ExecutorOutput"):
        launcher.publish(launched(text), call(), ROOT, store, Metadata())


def test_only_the_first_artifact_of_a_key_counts(store):
    told = {"artifacts": {"made": {"artifacts": [{"metadata": {"n": 1}}, {"metadata": {"n": 2}}]}}}
    published = launcher.publish(launched(json.dumps(told), files={}), call(), ROOT, store, Metadata())
    assert published["made"].properties["n"] == 1.0


def test_nothing_is_published_outside_the_run(store):
    told = {"artifacts": {"made": {"artifacts": [{"uri": f"{DEFAULT_ROOT}/flights/run-0/made"}]}}}
    with pytest.raises(LauncherFailed, match="expected bucket prefix"):
        launcher.publish(launched(json.dumps(told)), call(), ROOT, store, Metadata())


def test_a_local_path_is_recorded_and_not_uploaded(store):
    told = {"artifacts": {"made": {"artifacts": [{"uri": "/minio/x/made"}]}}}
    published = launcher.publish(launched(json.dumps(told)), call(), ROOT, store, Metadata())
    assert published["made"].uri == "/minio/x/made"
    assert store.keys(f"{ROOT}/Make/1/made") == []


def test_a_failed_step_uploads_its_log_alone(store):
    published = launcher.publish(launched("{}", exit_code=4, files={"a": b"a"}), call(), ROOT, store, Metadata())
    assert published.keys() == {"executor-logs"}
    assert store.keys(f"{ROOT}/Make/1") == ["executor-logs-0"]


def test_a_key_that_ends_in_a_slash_is_downloaded_as_a_file(store):
    store.put("v2/artifacts/made/folder/", b"")
    store.put("v2/artifacts/made/folder/file", b"file")
    store.put("v2/artifacts/made-not/file", b"")
    found = dict(store.under(f"{DEFAULT_ROOT}/made"))
    assert found == {"folder": b"", "folder/file": b"file"}


def test_no_path_is_file_and_folder(tmp_path):
    files = Files((65532, 0))
    files.file(tmp_path / "folder", b"")
    with pytest.raises(NotADirectoryError):
        files.file(tmp_path / "folder" / "file", b"")
    files.folder(tmp_path / "other")
    with pytest.raises(IsADirectoryError):
        files.file(tmp_path / "other", b"")
