"""What every data set behind `multihead data NAME` has in common."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline import datasets
from pipeline.datasets import DATASETS
from schema.names import SPLITS

ROOT = Path(datasets.__file__).parents[2]


def schema_text(name):
    return (ROOT / "schema" / name / "schema.pbtxt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DATASETS)
class TestEveryDataset:
    def test_schema_declares_exactly_its_columns_and_their_types(self, name):
        declared = re.findall(r'^feature \{\n  name: "(.*)"\n  type: (.*)$', schema_text(name), re.MULTILINE)
        kinds = {"int64": "INT", "float32": "FLOAT", "string": "BYTES", "binary": "BYTES"}
        columns = importlib.import_module(DATASETS[name]).COLUMNS
        assert [(column, kinds[kind]) for column, kind in columns.items()] == declared

    def test_a_split_column_has_the_splits_and_no_others(self, name):
        domain = re.search(r'^string_domain \{\n  name: "split"\n((?:  value: .*\n)+)', schema_text(name), re.MULTILINE)
        if domain:
            assert set(SPLITS) == set(re.findall(r'value: "(.*)"', domain[1]))

    def test_import_is_cheap(self, name):
        code = (
            f"import sys, {DATASETS[name]}\n"
            "print(sorted({'pandas', 'pyarrow', 'numpy', 'PIL', 'tensorflow'} & set(sys.modules)))"
        )
        result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert result.stdout.strip() == "[]"

    def test_types_are_arrow_types(self, name):
        for kind in importlib.import_module(DATASETS[name]).COLUMNS.values():
            assert isinstance(pa.type_for_alias(kind), pa.DataType)
