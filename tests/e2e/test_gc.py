"""What `multihead gc` leaves is all that later commands need, and what it removes is made again."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MULTIHEAD = Path(sys.executable).with_name("multihead")
REFUSED = 4
ROWS = 240
SCHEMA = """\
default_environment: "TRAINING"
default_environment: "SERVING"
feature { name: "amount" type: FLOAT }
feature { name: "fold" type: BYTES not_in_environment: "SERVING" }
feature { name: "kind" type: BYTES string_domain { value: "cat" value: "dog" } not_in_environment: "SERVING" }
"""
TASK = {
    "task": "toy",
    "data": {"split": {"by": "column", "column": "fold"}},
    "features": {"amount": {"type": "numeric"}},
    "trunk": {"type": "shared", "units": [4]},
    "heads": {"kind": {"type": "multiclass"}},
    "training": {"batch_size": 32},
    "gates": {"kind": "none"},
}
IMPOSSIBLE = "--set=gates.kind=[{metric: log_loss, max: 0}]"


@pytest.fixture
def multihead(tmp_path):
    """Runs a command on a small task; all runs are in one folder."""
    (tmp_path / "task.yaml").write_text(json.dumps(TASK), encoding="utf-8")
    (tmp_path / "schema.pbtxt").write_text(SCHEMA, encoding="utf-8")
    columns = {"amount": [0.5, 2.0, 7.5], "fold": ["train", "eval", "train", "test"], "kind": ["cat", "dog"]}
    rows = {name: [values[row % len(values)] for row in range(ROWS)] for name, values in columns.items()}
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")

    def run(name, *options):
        command = [str(MULTIHEAD), name, str(tmp_path), *map(str, options)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def states(stdout):
    """State by stage, from the lines of the terminal."""
    lines = [line.split() for line in stdout.splitlines()]
    return {line[1]: line[0] for line in lines if line and line[0] in ("done", "cached", "FAILED")}


def models(output):
    """Names of the folders of all models that are there, in the order in which they were made."""
    return sorted((folder.name for folder in (output / "artifacts" / "Trainer" / "model").iterdir()), key=int)


def test_what_is_kept_is_served_and_what_is_removed_is_made_again(multihead, tmp_path):
    data, output = tmp_path / "rows.parquet", tmp_path / "runs" / "toy"
    first, second = (("run", "--data", data, f"--set=training.epochs={epochs}") for epochs in (1, 2))
    assert multihead(*first, IMPOSSIBLE).returncode == REFUSED
    done = multihead(*second)
    assert done.returncode == 0, done.stdout + done.stderr
    refused, served = models(output)

    listed = multihead("gc", "--keep", 1)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.splitlines()[-1].endswith("--keep 1 --yes")
    assert models(output) == [refused, served]
    removed = multihead("gc", "--keep", 1, "--yes")
    assert removed.returncode == 0, removed.stderr
    assert models(output) == [served]
    assert f"artifacts/Trainer/model/{refused}\n" in removed.stdout

    redone = multihead(*first)
    assert redone.returncode == 0, redone.stdout + redone.stderr
    state = states(redone.stdout)
    assert {stage: state[stage] for stage in ("ExampleGen", "Transform", "Trainer", "Evaluator")} == {
        **dict.fromkeys(("ExampleGen", "Transform"), "cached"),
        **dict.fromkeys(("Trainer", "Evaluator"), "done"),
    }
    newest = models(output)[-1]
    removed = multihead("gc", "--keep", 1, "--yes")
    assert removed.returncode == 0, removed.stderr
    # The older one is served as version 1, and is what a roll-back goes to.
    assert models(output) == [served, newest]
    assert multihead("gc", "--keep", 1).stdout.splitlines()[-1] == "nothing to remove"

    again = multihead(*first)
    assert again.returncode == 0, again.stdout + again.stderr
    assert {stage for stage, state in states(again.stdout).items() if state == "done"} == {
        *("starting", "DataGate", "Pusher")
    }
    assert sorted(folder.name for folder in (output / "serving").glob("[0-9]*")) == ["1", "2"]

    back = multihead("rollback", "--reason", "a test")
    assert back.stdout.startswith("rolled back from version 2 to version 1\n"), back.stderr
    answers = multihead("predict", "--data", data, "--output", tmp_path / "answers.parquet")
    assert answers.returncode == 0, answers.stdout + answers.stderr
    assert pq.read_metadata(tmp_path / "answers.parquet").num_rows == ROWS
