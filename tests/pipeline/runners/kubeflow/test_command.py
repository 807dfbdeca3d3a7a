"""`multihead compile` as people call it, and the manifest for KServe."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.profiles.profile import Profile
from pipeline.runners.kubeflow.kserve import manifest
from schema.errors import UserError

# serving.kserve.io/v1beta1 as kserve 0.21 declares it: of PredictorSpec's `model`, what we write of it.
MODEL_FIELDS = {"modelFormat", "protocolVersion", "runtimeVersion", "storageUri"}
ON_A_VOLUME = {"all": {"volumes": [{"claim": "shared", "path": "/models", "sub_path": "a/b"}]}}


@pytest.fixture
def run(tmp_path, image):
    def command(*options, image=image):
        arguments = ["compile", "flights", "--image", image, "--output", str(tmp_path / "out" / "flights.yaml")]
        return CliRunner().invoke(app, [*arguments, *options])

    return command


def test_files_and_what_is_to_be_known(run, tmp_path):
    done = run("--serving", "s3://bucket/flights", "--kserve", str(tmp_path / "out" / "service.yaml"), image="m:1")
    assert done.exit_code == 0, done.output
    said = done.output
    assert "flights.yaml: 12 stages" in said
    assert "--image m:1 is a name that may be another image tomorrow, so every stage runs in every run" in said
    assert "data: /data/flights, as there is no --data" in said
    assert yaml.safe_load((tmp_path / "out" / "flights.yaml").read_text())["schemaVersion"] == "2.1.0"
    service = yaml.safe_load((tmp_path / "out" / "service.yaml").read_text())
    assert service["spec"]["predictor"]["model"]["storageUri"] == "s3://bucket/flights"


@pytest.mark.parametrize(("serving", "warns"), [("/models/flights", True), ("/gcs/bucket/flights", False)])
def test_a_path_on_no_volume_is_no_place_for_models(run, serving, warns):
    said = run("--serving", serving).output
    assert (f"--serving {serving} is on no volume of the profile: what is pushed there is lost" in said) == warns


def test_overrides_are_compiled(run, tmp_path):
    assert run("--set", "training.epochs=2", "--data", "/data/rows").exit_code == 0
    assert '"epochs": 2' in (tmp_path / "out" / "flights.yaml").read_text().replace('\\"', '"').replace(
        '"epochs":2', '"epochs": 2'
    )


def test_a_file_is_run_whenever_so_its_runs_read_the_data_anew_unless_told(run, tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "rows.parquet")

    def compiled(*options):
        done = run("--data", str(tmp_path), *options)
        spec = yaml.safe_load((tmp_path / "out" / "flights.yaml").read_text())
        known = spec["root"]["inputDefinitions"]["parameters"]["data_fingerprint"]["defaultValue"]
        return done.output, "cachingOptions" in spec["root"]["dag"]["tasks"]["ExampleGen"], known

    said, is_reused, known = compiled()
    assert (is_reused, known) == (False, "")
    assert f"{tmp_path}: not looked at from here, so every run reads the data anew" in said
    said, is_reused, known = compiled("--reuse-data")
    assert is_reused
    assert len(known) == 16
    assert "reads the data anew" not in said


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--reuse-data"], "--reuse-data: /data/flights: nobody can look from here"),
        (["--reuse-data", "--data", "s3://bucket/rows"], "--reuse-data: s3://bucket/rows: nobody can look from here"),
        (["--runner", "vertex"], "give --pipeline-root gs://BUCKET/FOLDER"),
        (["--kserve", "service.yaml"], "--kserve: '' is not where KServe finds models"),
        (["--profile", "none.yaml"], "none.yaml"),
        (["--data", "rows"], "--data: 'rows' is not absolute"),
    ],
)
def test_mistakes(run, tmp_path, options, error):
    failed = run(*options)
    assert isinstance(failed.exception, UserError)
    assert error in str(failed.exception)
    assert not (tmp_path / "out").exists()


class TestService:
    def test_its_fields(self):
        service = yaml.safe_load(manifest("my_task", "gs://bucket/flights/", Profile()))
        assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
        assert service["metadata"]["name"] == "my-task"
        assert set(service["spec"]) == {"predictor"}
        assert set(service["spec"]["predictor"]) == {"model"}
        model = service["spec"]["predictor"]["model"]
        assert set(model) == MODEL_FIELDS
        assert model["modelFormat"] == {"name": "tensorflow"}
        assert model["storageUri"] == "gs://bucket/flights"

    @pytest.mark.parametrize(
        ("serving", "uri"),
        [
            ("/models", "pvc://shared/a/b"),
            ("/models/flights/", "pvc://shared/a/b/flights"),
        ],
    )
    def test_a_path_on_a_volume(self, serving, uri):
        profile = Profile.model_validate_json(json.dumps(ON_A_VOLUME))
        service = yaml.safe_load(manifest("flights", serving, profile))
        assert service["spec"]["predictor"]["model"]["storageUri"] == uri

    @pytest.mark.parametrize("serving", ["", "/elsewhere", "/models2", "memory://x"])
    def test_a_folder_that_nobody_else_sees(self, serving):
        profile = Profile.model_validate_json(json.dumps(ON_A_VOLUME))
        with pytest.raises(UserError, match="is not where KServe finds models"):
            manifest("flights", serving, profile)
