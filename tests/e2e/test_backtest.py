"""A schedule replayed over days of real flights, one of which has a renamed column."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import schema

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MULTIHEAD = Path(sys.executable).with_name("multihead")
TASK = """\
task: late
data: {spans: "date={YYYY}-{MM}-{DD}"}
features:
  hour: {type: numeric}
  carrier: {type: categorical, vocabulary: 20, embedding: 4}
trunk: {type: shared, units: [16]}
heads: {cancelled: {type: multiclass}, dep_delay: {type: multiclass}}
training: {epochs: 3, batch_size: 128, learning_rate: 1e-2, early_stopping: null}
gates: {cancelled: none, dep_delay: [{metric: auc, min: 0.5, max_drop: 0.5}]}
"""


def day(number):
    return f"date=2013-01-{number:02d}"


@pytest.fixture(scope="module")
def days(flights_by_day, tmp_path_factory):
    """The first eight days; in the fourth, `hour` is called otherwise."""
    folder = tmp_path_factory.mktemp("days")
    for number in range(1, 9):
        shutil.copytree(flights_by_day / day(number), folder / day(number))
    file = folder / day(4) / "flights.parquet"
    table = pq.read_table(file)
    pq.write_table(table.rename_columns(["heure" if c == "hour" else c for c in table.column_names]), file)
    return folder


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    folder = tmp_path_factory.mktemp("task")
    (folder / "task.yaml").write_text(TASK)
    shutil.copy(Path(schema.__file__).parent / "flights" / "schema.pbtxt", folder)
    return folder


@pytest.fixture(scope="module")
def backtest(task, days, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "late"

    def backtest(data=days, output=output):
        options = ["--from=2013-01-03", "--to=2013-01-07", "--every=2d", "--window=3d"]
        command = [str(MULTIHEAD), "backtest", str(task), f"--data={data}", f"--output={output}", *options]
        return subprocess.run(command, capture_output=True, text=True, check=False), output

    return backtest


@pytest.fixture(scope="module")
def replayed(backtest):
    finished, output = backtest()
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return json.loads((output / "backtest.json").read_text()), output, finished.stdout


def test_every_step_and_the_days_after_it(replayed, days):
    made, output, said = replayed
    steps = made["steps"]
    assert [step["state"] for step in steps] == ["blessed", "stopped", "blessed"]
    assert "hour" in steps[1]["reasons"][0] + steps[1]["reasons"][1]
    assert made["dated_by"] == ["date"]
    assert [(step["forward"]["served"]["span"], step["forward"]["train_once"]["span"]) for step in steps] == [
        ("2013-01-03", "2013-01-03"),
        ("2013-01-03", "2013-01-03"),
        ("2013-01-07", "2013-01-03"),
    ]
    rows = [pq.read_metadata(days / day(number) / "flights.parquet").num_rows for number in range(1, 9)]
    assert [step["forward"]["rows"] for step in steps] == [rows[3] + rows[4], rows[5] + rows[6], rows[7]]
    # The third is judged against the first, not against itself.
    assert steps[2]["heads"]["dep_delay"]["baseline"]
    assert (output / steps[2]["report"]).is_file()
    assert (output / "backtest.html").read_text().count("<svg") >= 7
    assert "3 of 3  2013-01-07" in said


def test_the_same_command_again_does_nothing(replayed, backtest):
    made, output, _ = replayed
    again, _ = backtest()
    assert again.returncode == 0
    assert "starting TFX" not in again.stdout
    assert json.loads((output / "backtest.json").read_text())["steps"] == made["steps"]
    assert len(list(output.glob("reports/*/report.json"))) == 2


def test_a_planted_leak_is_caught(backtest, days, tmp_path):
    planted = shutil.copytree(days, tmp_path / "days")
    shutil.copy(planted / day(8) / "flights.parquet", planted / day(6) / "of_the_eighth.parquet")
    stopped, output = backtest(planted, tmp_path / "run")
    assert stopped.returncode == 3, stopped.stdout + stopped.stderr
    assert (
        "by column 'date' it has rows of 2013-01-08, and the run of 2013-01-07 would learn from them" in stopped.stdout
    )
    assert not list(output.glob("reports/*"))
