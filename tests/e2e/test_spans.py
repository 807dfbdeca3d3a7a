"""Days of real flights that arrive one after the other, as a scheduled run reads them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MULTIHEAD = Path(sys.executable).with_name("multihead")
FIRST = ("2013-01-01", "2013-01-02", "2013-01-03")
OPTIONS = [
    "--set=data.spans=date={YYYY}-{MM}-{DD}",
    "--set=training.epochs=1",
    "--set=training.batch_size=128",
    *(f"--set=gates.{head}=none" for head in ("cancelled", "dep_delay", "arr_delay")),
    "--window=3",
]


@pytest.fixture(scope="module")
def days(flights_by_day, tmp_path_factory):
    """What has arrived: the first three days."""
    folder = tmp_path_factory.mktemp("days")
    for day in FIRST:
        shutil.copytree(flights_by_day / f"date={day}", folder / f"date={day}")
    return folder


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "flights"


def run(days, output, *options):
    command = [str(MULTIHEAD), "run", "flights", "--data", str(days), "--output", str(output), *OPTIONS, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def finished(days, output):
    return run(days, output, "--split-by", "span", "--if-new")


def test_a_window_is_learnt_from_and_its_newest_day_judges(finished, days, output):
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.startswith("span 2013-01-03, window of 3 spans from 2013-01-01\n")
    [file] = output.glob("reports/*/report.json")
    report = json.loads(file.read_text())
    assert report["span"] == "2013-01-03"
    assert report["window"] == {"first": FIRST[0], "last": FIRST[2], "spans": 3, "missing": [], "empty": []}
    rows = [pq.read_metadata(days / f"date={day}" / "flights.parquet").num_rows for day in FIRST]
    splits = report["data"]["splits"]
    assert splits["train"] == rows[0] + rows[1]
    assert splits["eval"] + splits["test"] == rows[2]


def test_nothing_new(finished, days, output):
    again = run(days, output, "--split-by", "span", "--if-new")
    assert again.returncode == 0
    assert again.stdout.splitlines()[-1] == "nothing to do"
    assert len(list(output.glob("reports/*/report.json"))) == 1


def test_a_renamed_column_stops_a_run_whose_every_split_has_it_on_other_days(flights_by_day, days, tmp_path):
    arrived = tmp_path / "days"
    shutil.copytree(days, arrived)
    table = pq.ParquetFile(flights_by_day / "date=2013-01-04" / "flights.parquet").read()
    (arrived / "date=2013-01-04").mkdir()
    renamed = ["miles" if name == "distance" else name for name in table.column_names]
    pq.write_table(table.rename_columns(renamed), arrived / "date=2013-01-04" / "flights.parquet")
    stopped = run(arrived, tmp_path / "run")
    assert stopped.returncode == 3, stopped.stdout + stopped.stderr
    assert "column 'distance'" in stopped.stdout
    assert "Transform" not in stopped.stdout


def test_a_day_with_ten_times_the_rows_is_drift(flights_by_day, days, tmp_path):
    arrived = tmp_path / "days"
    shutil.copytree(days, arrived)
    table = pq.read_table(flights_by_day / "date=2013-01-04" / "flights.parquet")
    (arrived / "date=2013-01-04").mkdir()
    pq.write_table(pa.concat_tables([table] * 10), arrived / "date=2013-01-04" / "flights.parquet")
    stopped = run(arrived, tmp_path / "run", "--split-by", "span", "--set=drift=stop")
    assert stopped.returncode == 3, stopped.stdout + stopped.stderr
    assert "9,150 in 2013-01-04; 10 times as many, at most 3 times" in stopped.stdout
    assert "Transform" not in stopped.stdout


def test_a_warm_start_begins_from_the_last_blessed_model_and_once(finished, days, output):
    for state in ("done", "cached"):
        warm = run(days, output, "--split-by", "span", "--set=training.warm_start=true")
        assert warm.returncode == 0, warm.stdout + warm.stderr
        assert f"\n{state:<6} Trainer " in warm.stdout
        assert f"layers began from {output / 'serving' / '1'}" in warm.stdout
        report = json.loads(sorted(output.glob("reports/*/report.json"))[-1].read_text())
        began = report["training"]["warm_start"]
        assert (began["from"], began["fresh"]) == (report["baseline"], [])
        assert {layer["how"] for layer in began["taken"]} == {"whole"}
    assert sorted(path.name for path in (output / "serving").iterdir() if path.is_dir()) == ["1", "2"]
