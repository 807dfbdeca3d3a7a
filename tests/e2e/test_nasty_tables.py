"""Small tables, each nasty in its own way: `multihead run` ends with a verdict or a sentence, nothing half-written."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MULTIHEAD = Path(sys.executable).with_name("multihead")
PUSHED, BAD_INPUT, BAD_DATA, REFUSED = 0, 2, 3, 4
ROWS = 240
SCHEMA = """\
default_environment: "TRAINING"
default_environment: "SERVING"
feature { name: "amount" type: FLOAT }
feature { name: "colour" type: BYTES }
feature { name: "fold" type: BYTES not_in_environment: "SERVING" }
feature { name: "kind" type: BYTES string_domain { value: "cat" value: "dog" } not_in_environment: "SERVING" }
feature { name: "size" type: BYTES string_domain { value: "small" value: "large" } not_in_environment: "SERVING" }
"""


def right(rows=ROWS):
    """Columns of a table without a mistake."""
    values = {
        "amount": [0.5, -1.0, None, 2.0, 7.5],
        "colour": ["red", "blue", None],
        "fold": ["train", "train", "eval", "test"],
        "kind": ["cat", "dog", "dog", None, "cat", "cat", "dog"],
        "size": ["small", "large", "large"],
    }
    return {name: [column[row % len(column)] for row in range(rows)] for name, column in values.items()}


def without_labels_in(split):
    columns = right()
    return columns | {
        head: [None if fold == split else label for fold, label in zip(columns["fold"], columns[head], strict=True)]
        for head in ("kind", "size")
    }


# Name of the case: columns, exit code, and part of what the terminal says.
TABLES = {
    "one row": (right(1), BAD_INPUT, "no row of 1 falls into eval and test"),
    "no row": (right(0), BAD_INPUT, "no rows"),
    "no column of the task": ({"other": [1, 2]}, BAD_INPUT, "column 'fold' is not in the data"),
    "no label in eval": (without_labels_in("eval"), BAD_INPUT, "no labelled row for head 'kind' in eval"),
    "nulls only": (right() | {"colour": pa.nulls(ROWS)}, BAD_DATA, "column 'colour': no row has a value"),
    "labels of another domain": (right() | {"kind": ["cat", "cow"] * (ROWS // 2)}, BAD_DATA, "column 'kind'"),
    "words for numbers": (right() | {"amount": ["many"] * ROWS}, BAD_DATA, "column 'amount'"),
    "infinite numbers": (right() | {"amount": [1.0, 1e300] * (ROWS // 2)}, BAD_DATA, "infinite numbers"),
    "bytes that are no text": (right() | {"colour": [b"red", b"\xff"] * (ROWS // 2)}, BAD_DATA, "no UTF-8"),
    "no label in test": (without_labels_in("test"), REFUSED, "auc is undefined: no labelled rows"),
    "one class": (right() | {"kind": ["cat"] * ROWS}, REFUSED, "rows of one class only"),
    "one value": (right() | {"amount": [1.0] * ROWS, "colour": ["red"] * ROWS}, PUSHED, "pushed to"),
    "1,001 values": (right(1001) | {"colour": [f"[{i}]\n" for i in range(1001)]}, PUSHED, "pushed to"),
}


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """A small task with a gate that every trained model passes, if its metrics are defined."""
    folder = tmp_path_factory.mktemp("task")
    spec = {
        "task": "toy",
        "data": {"split": {"by": "column", "column": "fold"}},
        "features": {
            "amount": {"type": "numeric"},
            "colour": {"type": "categorical", "vocabulary": 10, "embedding": 2},
        },
        "trunk": {"type": "shared", "units": [4]},
        "heads": {"kind": {"type": "multiclass"}, "size": {"type": "multiclass", "depends_on": ["kind"]}},
        "training": {"epochs": 1, "batch_size": 32},
        "slices": [["colour"]],
        "gates": {"kind": [{"metric": "auc", "min": 0.0}], "size": "none"},
    }
    (folder / "task.yaml").write_text(json.dumps(spec), encoding="utf-8")
    (folder / "schema.pbtxt").write_text(SCHEMA, encoding="utf-8")
    return folder


def run(task, file, output):
    command = [str(MULTIHEAD), "run", str(task), "--data", str(file), "--output", str(output)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", TABLES)
def test_a_verdict_or_a_sentence(task, tmp_path, name):
    columns, code, said = TABLES[name]
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    check(run(task, tmp_path / "rows.parquet", tmp_path / "run"), tmp_path / "run", code, said)


@pytest.mark.parametrize(("contents", "said"), [(b"", "file size is 0 bytes"), (b"PAR1PAR1", "not a readable Parquet")])
def test_a_file_that_is_none(task, tmp_path, contents, said):
    (tmp_path / "rows.parquet").write_bytes(contents)
    check(run(task, tmp_path / "rows.parquet", tmp_path / "run"), tmp_path / "run", BAD_INPUT, said)


def test_a_column_that_stands_twice(task, tmp_path):
    table = pa.table(right())
    pq.write_table(table.append_column("kind", table["kind"]), tmp_path / "rows.parquet")
    done = run(task, tmp_path / "rows.parquet", tmp_path / "run")
    check(done, tmp_path / "run", BAD_INPUT, "column 'kind' stands twice")


def check(done, output, code, said):
    """Checks what a run left on the terminal and in its folder."""
    terminal = done.stdout + done.stderr
    assert (done.returncode, "Traceback" in terminal) == (code, False), terminal
    assert said in terminal
    reports = [json.loads(file.read_text(encoding="utf-8")) for file in output.glob("reports/*/report.json")]
    assert [report["blessed"] for report in reports] == {PUSHED: [True], REFUSED: [False]}.get(code, [])
    served = [path.name for path in output.glob("serving/*") if path.is_dir()]
    assert served == (["1"] if code == PUSHED else [])
