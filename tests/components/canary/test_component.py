"""The stage: a fresh process asks the model, and what it finds lies in the artifact."""

import json
import subprocess

import pytest
from tfx.types import standard_artifacts

from components.canary import process
from components.canary.component import CanaryFindings, Executor
from schema.errors import CanaryInterrupted


@pytest.fixture
def run(examples_folder, tmp_path):
    """Runs the stage's executor on a model artifact's folder; returns the folder of its findings."""

    def do(model_folder):
        examples, model, canary = standard_artifacts.Examples(), standard_artifacts.Model(), CanaryFindings()
        examples.uri, model.uri, canary.uri = str(examples_folder), str(model_folder), str(tmp_path / "canary")
        examples.split_names = json.dumps(["test"])
        Executor().Do({"examples": [examples], "model": [model]}, {"canary": [canary]}, {})
        return tmp_path / "canary"

    return do


def test_a_good_model_is_found_good_and_gets_its_warm_up_requests(run, exported):
    folder = run(exported)
    found = json.loads((folder / "canary.json").read_text())
    assert (found["ok"], found["failures"]) == (True, [])
    assert {check["ok"] for check in found["checks"]} == {True}
    assert set(found["latency"]) == {"serving_default", "serving_tf_example", "evaluation", "transform_features"}
    assert (folder / "tf_serving_warmup_requests").stat().st_size > 0


def test_a_bad_model_is_no_error_but_findings_and_the_fresh_process_imports_no_tfx_and_no_beam(
    run, tmp_path, monkeypatch
):
    run_process, said = subprocess.run, []

    def listen(*given, **options):
        said.append(run_process(*given, **options))
        return said[-1]

    monkeypatch.setattr(subprocess, "run", listen)
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")  # Python lists what it imports.
    found = json.loads((run(tmp_path / "model") / "canary.json").read_text())
    assert not found["ok"]
    [failure] = found["failures"]
    assert "multihead.json: cannot be read (No such file or directory)" in failure
    modules = {line.rpartition("|")[2].strip() for line in said[0].stderr.decode().splitlines()}
    assert "tensorflow" in modules
    assert not {"tfx", "apache_beam", "tensorflow_transform"} & modules


def test_what_took_too_long_leaves_no_findings_that_could_be_kept(run, exported, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "TIME_LIMIT_SECONDS", 0.01)
    with pytest.raises(CanaryInterrupted):
        run(exported)
    assert not (tmp_path / "canary" / "canary.json").exists()
