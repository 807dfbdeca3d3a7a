"""`multihead predict`: what it refuses at once, and one real call."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import RunConfig
from pipeline.predict.command import prepare
from schema.errors import DataError, UserError

MULTIHEAD = Path(sys.executable).with_name("multihead")


def test_no_model_was_pushed(contract, rows, tmp_path):
    config = RunConfig(rows, tmp_path / "run", "test")
    for version in (None, 1):
        with pytest.raises(DataError, match=str(tmp_path / "run" / "serving")):
            prepare(contract, config, tmp_path / "out.parquet", version, ())


def test_everything_is_refused_before_anything_is_computed(contract, rows, run_folder, tmp_path):
    config = RunConfig(rows, run_folder, "test")
    with pytest.raises(DataError, match="no version 3; there are: 1, 2"):
        prepare(contract, config, tmp_path / "out.parquet", 3, ())
    with pytest.raises(UserError, match="lies in the data"):
        prepare(contract, config, rows / "out.parquet", None, ())
    with pytest.raises(DataError, match="--keep price: no such column"):
        prepare(contract, config, tmp_path / "out.parquet", None, ("price",))
    assert not (tmp_path / "out.parquet").exists()


def test_the_command_says_what_came_of_it_and_nothing_else(
    contract, run_folder, photos, table, set_row, tmp_path, monkeypatch
):
    pq.write_table(set_row(table, "photo", 4, "gone.png"), photos / "rows.parquet")
    output = tmp_path / "out.parquet"
    call = [str(MULTIHEAD), "predict", str(contract.folder), "--data", str(photos), "--output", str(output)]
    call += ["--run", str(run_folder), "--keep", "id", "--beam-option", "direct_num_workers=1"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines[:2]] == ["starting", "predicting"]
    assert lines[2:] == [
        "40 rows in, 39 predicted, 1 rejected",
        f"predictions: {output}, by the model {run_folder}/serving/2",
        f"rejected rows, and why: {tmp_path}/out.rejected.parquet",
    ]
    assert pq.read_schema(output).names == ["id", "kind.label", "kind.scores", "tags.label", "tags.scores"]
    assert len(list((run_folder / "logs").glob("*.log"))) == 1
    pq.write_table(table.set_column(3, "colour", pa.array(["unspeakable"] * 40)), photos / "rows.parquet")
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "none of 40 rows could be predicted" in done.stdout
