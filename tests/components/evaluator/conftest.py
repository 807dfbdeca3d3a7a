"""One real evaluation of the sample's model, with and without a baseline."""

import json
import shutil
from pathlib import Path

import pytest

# The baseline knows other classes for these heads.
CHANGED = ("kind",)


@pytest.fixture(scope="session")
def rows(sample):
    """Random rows of which many lack values and labels; city `lima` has no label of head fit."""
    return [row | ({"fit": None} if row["city"] == "lima" else {}) for row in sample.draw(200, seed=7)]


@pytest.fixture(scope="session")
def run_evaluator(beam_arguments, tmp_path_factory):
    """Runs the Evaluator's executor on serialized rows, beside a baseline if there is one; returns the evaluation."""
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow_transform.tf_metadata import schema_utils
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts
    from tfx.utils import proto_utils

    from components.evaluator import config
    from components.evaluator.executor import EvaluatorExecutor

    def artifact(kind, uri):
        made = kind()
        made.uri = str(uri)
        return made

    def run(serialized_rows, feature_spec, slices, model: Path, baseline: Path | None):
        folder = tmp_path_factory.mktemp("evaluate")
        (folder / "examples" / "Split-test").mkdir(parents=True)
        with tf.io.TFRecordWriter(
            f"{folder}/examples/Split-test/data-00000-of-00001.gz", tf.io.TFRecordOptions(compression_type="GZIP")
        ) as writer:
            for serialized in serialized_rows:
                writer.write(serialized)
        (folder / "schema").mkdir()
        schema = schema_utils.schema_from_feature_spec(feature_spec)
        (folder / "schema" / "schema.pbtxt").write_text(text_format.MessageToString(schema))
        examples = artifact(standard_artifacts.Examples, folder / "examples")
        examples.split_names = json.dumps(["test"])
        compared = artifact(standard_artifacts.Model, baseline or folder / "no baseline")
        compared.set_string_custom_property("version", str(baseline or ""))
        inputs = {
            "examples": [examples],
            "model": [artifact(standard_artifacts.Model, model)],
            "baseline_model": [compared],
            "schema": [artifact(standard_artifacts.Schema, folder / "schema")],
        }
        evaluation = artifact(standard_artifacts.ModelEvaluation, tmp_path_factory.mktemp("evaluation"))
        properties = {
            "eval_config": proto_utils.proto_to_json(config.slicing_config(slices)),
            "example_splits": json.dumps(["test"]),
            "fairness_indicator_thresholds": "null",
        }
        executor = EvaluatorExecutor(BaseBeamExecutor.Context(beam_pipeline_args=beam_arguments, unique_id="1"))
        executor.Do(inputs, {"evaluation": [evaluation]}, properties)
        return evaluation

    return run


@pytest.fixture(scope="session")
def evaluate(sample, rows, exported, run_evaluator):
    """Evaluates the sample's model on the rows, beside a baseline if its folder is given."""
    from components.evaluator import config

    slices = config.slice_keys(sample.task)
    return lambda baseline: run_evaluator(sample.serialize(rows), sample.feature_spec(), slices, exported, baseline)


@pytest.fixture(scope="session")
def cold(evaluate):
    """An evaluation without a baseline."""
    return evaluate(None)


@pytest.fixture(scope="session")
def compared(sample, evaluate, exported, tmp_path_factory):
    """An evaluation beside a baseline: the same model, but for other classes of one head."""
    from components.exported import HEADS_FILE

    baseline = tmp_path_factory.mktemp("models") / "baseline"
    shutil.copytree(exported, baseline)
    file = baseline / "Format-Serving" / "assets.extra" / HEADS_FILE
    heads = json.loads(file.read_text())["heads"]
    for head in CHANGED:
        heads[head] |= {"classes": ["other", "classes"], "thresholds": [0.5, 0.5]}
    file.write_text(json.dumps({"heads": heads}))
    return evaluate(baseline)
