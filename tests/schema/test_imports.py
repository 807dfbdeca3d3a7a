"""What must load fast, and from where."""

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import components
import pipeline
import schema

HEAVY = (
    "apache_beam",
    "keras",
    "ml_metadata",
    "tensorflow",
    "tensorflow_data_validation",
    "tensorflow_model_analysis",
    "tensorflow_transform",
    "tf_keras",
    "tfx",
    "tfx_bsl",
)


def test_schema_and_command_load_no_tensorflow():
    modules = ["pipeline.cli", *(f"schema.{module.name}" for module in pkgutil.iter_modules(schema.__path__))]
    code = f"import sys, json, {', '.join(modules)}; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert set(modules) <= loaded
    assert set() == loaded & set(HEAVY)


def test_packages_are_ours():
    # Their names are common: a stranger's `schema` from site-packages must not stand in for ours.
    root = Path(__file__).parents[2]
    expected = [str(root / name / "__init__.py") for name in ("schema", "components", "pipeline")]
    assert expected == [package.__file__ for package in (schema, components, pipeline)]
