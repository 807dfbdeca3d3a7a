"""The stage: spans are counted once, and every mode does what it says."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.data_gate.drift.component import Drift, DriftFindings, Executor, load_drift
from components.example_gen import component as example_gen
from components.example_gen import per_span
from components.example_gen.entries import Entry
from components.example_gen.layout import Layout
from pipeline.config import RunConfig
from pipeline.profiles.beam import arguments
from pipeline.profiles.find import local
from schema.data import Data
from schema.drift import WINDOW, Watched
from schema.errors import DriftFound

LAYOUT = Layout({"carrier": "BYTES", "distance": "FLOAT", "late": "BYTES"}, labels=("late",))
WATCHED = (
    Watched("carrier", "category", False, {}),
    Watched("distance", "number", False, {}),
    Watched("late", "category", True, {}),
)
SPLIT = {"by": "span", "newest": 1}


def write(folder, rows, carrier="AA"):
    """A day of rows that differ from each other."""
    folder.mkdir(parents=True)
    table = {
        "carrier": [[carrier, "UA", "DL"][i % 3] for i in range(rows)],
        "distance": [float(i % 101) for i in range(rows)],
        "late": ["yes" if i % 4 == 0 else None if i % 50 == 1 else "no" for i in range(rows)],
    }
    types = pa.schema([("carrier", pa.string()), ("distance", pa.float32()), ("late", pa.string())])
    pq.write_table(pa.table(table, types), folder / "rows.parquet", row_group_size=150)


@pytest.fixture
def window(tmp_path):
    """Four days, of which the third is empty."""
    entries = []
    for number, rows in enumerate([300, 301, 0, 302], 1):
        write(tmp_path / f"{number}", rows)
        entries.append(Entry(f"2013-01-0{number}", number, str(tmp_path / f"{number}"), f"key{number}"))
    return entries


@pytest.fixture
def stages(tmp_path):
    """Runs ExampleGen and then Drift on a window; returns what Drift found."""
    run = RunConfig(data=tmp_path, output=tmp_path / "run", run_id="test")
    context = BaseBeamExecutor.Context(arguments(local().all.beam), unique_id="1", tmp_dir=str(tmp_path / "scratch"))

    def of(window, mode="warn", watched=WATCHED, name="1", is_found=False):
        examples, drift = standard_artifacts.Examples(), DriftFindings()
        examples.uri, drift.uri = str(tmp_path / "examples" / name), str(tmp_path / "drift" / name)
        data = Data.model_validate({"split": SPLIT, "spans": "{SPAN}"}, strict=False)
        made = example_gen.ExampleGen(str(tmp_path), data, LAYOUT, "", window, str(run.span_store))
        example_gen.Executor(context).Do({}, {"examples": [examples]}, made.exec_properties)
        given = ((), "") if is_found else (window, str(run.counts))
        stage = Drift(made.outputs["examples"], given[0], 1, watched, mode, given[1], "digest")
        Executor(context).Do({"examples": [examples]}, {"drift": [drift]}, stage.exec_properties)
        return load_drift(drift)

    return of


def test_days_alike(stages, window):
    found = stages(window)
    assert found["findings"] == []
    of_window, previous = found["compared"]
    assert (of_window["span"], previous["span"]) == ("2013-01-01 to 2013-01-02", "2013-01-02")
    assert of_window["rows"]["newest"] == 302
    assert of_window["rows"]["reference"] == 300.5
    assert [column["name"] for column in of_window["features"]] == ["carrier", "distance"]
    [label] = of_window["labels"]
    assert label["missing"]["newest"] == pytest.approx(6 / 302, abs=0.004)
    assert label["reference"]["counts"][0] + label["reference"]["counts"][1] == pytest.approx(601 * 0.98, abs=4)


def test_a_window_that_examplegen_found_is_compared_all_the_same(stages, window, tmp_path):
    assert stages(window, is_found=True, name="2") == stages(window)
    assert [file.name for file in (tmp_path / "scratch").rglob("*.kept")]


def test_every_day_is_counted_once_and_by_all_windows(stages, window, tmp_path):
    stages(window[:2])
    kept = sorted((tmp_path / "run" / "artifacts" / "counts").iterdir())
    assert [file.name for file in kept] == [f"2013-01-0{day}-key{day}-drift.digest.kept" for day in (1, 2)]
    (kept[0].parent / f".{kept[0].name}-killed").write_text("{")
    # What is kept counts, and nothing is read again: so a mark in it is seen.
    counted = json.loads(per_span.load(str(kept[1].parent), kept[1].name))
    per_span.save(str(kept[1].parent), kept[1].name, json.dumps(counted | {"rows": 401}).encode())
    [_, previous] = stages(window, name="2")["compared"]
    assert (previous["rows"]["newest"], previous["rows"]["reference"]) == (302, 401)
    assert not [file for file in kept[0].parent.iterdir() if file.name.startswith(".")]
    kept[1].write_bytes(kept[1].read_bytes()[:-1])  # What is damaged is counted anew.
    [_, previous] = stages(window, name="3")["compared"]
    assert previous["rows"]["reference"] == 301


def test_warn_goes_on_and_stop_says_everything(stages, window, tmp_path):
    write(tmp_path / "odd", 302, carrier="ZZ")
    odd = [*window[:3], Entry("2013-01-04", 4, str(tmp_path / "odd"), "odd")]
    warned = stages(odd)
    assert warned["mode"] == "warn"
    assert "column 'carrier'" in " ".join(warned["findings"])
    with pytest.raises(DriftFound) as error:
        stages(odd, "stop", name="2")
    assert error.value.exit_code == 3
    first, *lines = str(error.value).splitlines()
    assert first == (
        "span 2013-01-04 is unlike the spans before it (mend the data, or accept it for once by --set drift=warn):"
    )
    assert lines == [f"  {sentence}" for sentence in warned["findings"]]
    assert not (tmp_path / "drift" / "2").exists()


def test_stop_lets_days_alike_pass(stages, window):
    assert stages(window, "stop")["findings"] == []


def test_a_threshold_reaches_the_comparison(stages, window, tmp_path):
    write(tmp_path / "odd", 302, carrier="ZZ")
    odd = [*window[:3], Entry("2013-01-04", 4, str(tmp_path / "odd"), "odd")]
    lenient = [Watched("carrier", "category", False, {WINDOW: 1.0}), *WATCHED[1:]]
    [of_window, _] = stages(odd, watched=lenient)["compared"]
    assert of_window["features"][0]["limit"] == 1.0


def test_what_is_written_is_strict_json(stages, window, tmp_path):
    stages(window)
    [file] = (tmp_path / "drift" / "1").iterdir()
    json.loads(file.read_text(), parse_constant=pytest.fail)
