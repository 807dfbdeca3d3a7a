"""Real days: winter is not summer, and a January day is a January day."""

import pyarrow.parquet as pq
import pytest

from components.data_gate.drift.compare import SpanCounts, compare
from components.data_gate.drift.counts import count
from components.example_gen.columns import to_features
from components.example_gen.layout import Layout
from schema.contract import find_task, load_contract

JANUARY = [f"2013-01-{day:02}" for day in range(1, 32)]


@pytest.fixture(scope="module")
def contract():
    return load_contract(find_task("flights"))


@pytest.fixture(scope="module")
def day(contract, flights_by_day):
    def of(label):
        layout = Layout.of(contract)
        [batch] = (
            pq.ParquetFile(flights_by_day / f"date={label}" / "flights.parquet").read().combine_chunks().to_batches()
        )
        rows = to_features(batch, layout.types, label, layout.labels, layout.separators)
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        kinds = {column.name: column.kind for column in contract.watched}
        counted = {name: count(columns.get(name), batch.num_rows, kind) for name, kind in kinds.items()}
        return SpanCounts(label, batch.num_rows, counted)

    return of


@pytest.fixture(scope="module")
def january(day):
    return [day(label) for label in JANUARY]


def test_july_is_not_january(contract, january, day):
    found = compare([*january, day("2013-07-01")], 1, contract.watched, "warn")
    temperature = next(s for s in found["findings"] if s.startswith("column 'temperature'"))
    assert "median 37.94 in 2013-01-01 to 2013-01-31, 75.2 in 2013-07-01" in temperature


def test_the_last_of_january_is_a_day_of_january(contract, january):
    found = compare(january, 1, contract.watched, "warn")
    assert not any("'temperature'" in s or "'carrier'" in s or s.startswith("rows") for s in found["findings"])
    [window, _] = found["compared"]
    [date] = [column for column in window["features"] if column["name"] == "day_of_year"]
    assert date["distance"] > date["threshold"]
    assert not date["moved"]
