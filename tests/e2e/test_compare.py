"""A grid on a small task, as a user runs it: the `multihead` command, beside a whole run in the same folder."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MULTIHEAD = Path(sys.executable).with_name("multihead")
ROWS = 3_000
SETTINGS = ["--set=training.epochs=3", "--set=training.batch_size=64", "--set=gates.kind=none"]
PREPARATION = ("ExampleGen", "StatisticsGen", "ImportSchemaGen", "ExampleValidator", "Transform")


def write_rows(file):
    """`kind` follows from amount, `size` from colour, with noise; a tenth of the rows has no size."""
    rng = np.random.default_rng(0)
    amount, colour, noise = rng.normal(size=ROWS), rng.integers(0, 3, ROWS), rng.random((2, ROWS)) < 0.2
    kind = np.where((amount > 0) ^ noise[0], "dog", "cat")
    size = np.array(["small", "large", "huge"])[np.where(noise[1], rng.integers(0, 3, ROWS), colour)]
    columns = {
        "amount": pa.array(amount, pa.float32()),
        "colour": pa.array(np.array(["red", "green", "blue"])[colour]),
        "year": pa.array(rng.integers(2000, 2010, ROWS)),
        "fold": pa.array(["x"] * ROWS),
        "kind": pa.array(kind),
        "size": pa.array(size, mask=rng.random(ROWS) < 0.1),
    }
    pq.write_table(pa.table(columns), file)


def multihead(*arguments):
    return subprocess.run([str(MULTIHEAD), *map(str, arguments)], capture_output=True, text=True, check=False)


def states(stdout):
    """State by what it is the state of: a stage, or a training."""
    lines = [line.split() for line in stdout.splitlines()]
    return {" ".join(line[1:4] if "seed" in line else line[1:2]): line[0] for line in lines if line}


def test_a_grid_is_trained_once_on_shared_examples_and_measured_as_a_run_measures(write_task, tmp_path):
    write_rows(tmp_path / "rows.parquet")
    folder, output = write_task(), tmp_path / "run"
    where = ["--data", tmp_path / "rows.parquet", "--output", output]
    grid = ["--set=trunk.type=shared,independent", "--seeds=2"]

    first = multihead("compare", folder, *where, *SETTINGS, *grid)
    assert (first.returncode, first.stderr) == (0, ""), first.stdout + first.stderr
    found = states(first.stdout)
    trainings = [f"trunk.type={trunk}, seed {seed}" for trunk in ("shared", "independent") for seed in (0, 1)]
    assert {name: found[name] for name in (*PREPARATION, *trainings)} == dict.fromkeys(
        (*PREPARATION, *trainings), "done"
    )
    assert not {"Trainer", "Evaluator", "Pusher"} & found.keys()
    assert not (output / "serving").exists()
    (file,) = (output / "compare").glob("*.json")
    shared, independent = json.loads(file.read_text())["cells"]
    assert shared["heads"]["kind"]["auc"]["mean"] > 0.7
    assert shared["heads"]["kind"]["auc"]["std"] > 0
    assert shared["parameters"] < independent["parameters"]
    assert set(shared["delta_m"]) == {"auc", "accuracy"}
    assert (independent["delta_m"]["auc"], shared["epochs"]) == (0, [3, 3])

    again = multihead("compare", folder, *where, *SETTINGS, *grid, "--set=trunk.dropout=0.1")
    assert again.returncode == 0, again.stdout
    found = states(again.stdout)
    assert {name: found[name] for name in trainings} == dict.fromkeys(trainings, "cached")
    assert "Transform" not in found

    run = multihead("run", folder, *where, *SETTINGS)
    assert run.returncode == 0, run.stdout
    found = states(run.stdout)
    assert {stage: found[stage] for stage in PREPARATION} == dict.fromkeys(PREPARATION, "cached")
    report = json.loads(next(output.glob("reports/*/report.json")).read_text())
    for head, values in report["heads"].items():
        for metric, value in values["overall"].items():
            assert shared["heads"][head][metric]["values"][0] == pytest.approx(value, abs=1e-4), (head, metric)
