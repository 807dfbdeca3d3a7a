"""Leaks from the future that somebody planted, and that are found."""

import dataclasses
import datetime

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from components.example_gen import spans
from components.example_gen.places import place
from pipeline.backtest import dates, leaks
from pipeline.windows import find
from schema.errors import LeakFound


def test_clean_data(make):
    assert leaks.check_plan(make(), "parquet") == ["date"]


def test_rows_of_a_later_day_in_the_folder_of_an_earlier_one(make, write_day):
    write_day(4, date="2013-01-14")
    with pytest.raises(
        LeakFound,
        match=r"date=2013-01-04: by column 'date' it has rows of 2013-01-14, and the run of 2013-01-05 would learn",
    ) as error:
        leaks.check_plan(make(), "parquet")
    assert error.value.exit_code == 3


def test_days_in_a_store(contract, write_day, data, store):
    write_day(4, date="2013-01-14")
    dating, latest = dates.latest_rows(find(contract, place(store(data))), "parquet")
    assert (dating, latest["2013-01-04"].number - latest["2013-01-03"].number) == (["date"], 11)


def test_rows_of_a_later_day_that_has_come_by_then(make, write_day):
    write_day(9, date="2013-01-12")
    assert leaks.check_plan(make(), "parquet") == ["date"]
    with pytest.raises(LeakFound):
        leaks.check_plan(make("2013-01-10", "2013-01-10"), "parquet")


@pytest.mark.parametrize("reach", [1, 5])
def test_a_window_that_reaches_past_its_day(make, monkeypatch, reach):
    right = spans.resolve
    monkeypatch.setattr(
        spans,
        "resolve",
        lambda known, span=None, window=None: tuple(
            one for one in known if one in right(known, span, window) or span < one.number <= span + reach
        ),
    )
    with pytest.raises(LeakFound, match=r"the run of 2013-01-05 would read span 2013-01-06, a leak from the future"):
        leaks.check_plan(make("2013-01-05", "2013-01-08"), "parquet")


def test_a_window_that_keeps_what_has_left_it(make, contract, config):
    plan = make()
    step = plan.steps[2]
    longer = dataclasses.replace(step.run, spans=find(contract, config.data)[:-1])
    with pytest.raises(LeakFound, match="2013-01-01, which its window has left"):
        leaks.check_plan(dataclasses.replace(plan, steps=(dataclasses.replace(step, run=longer),)), "parquet")


class TestDates:
    @pytest.mark.parametrize(
        "of",
        [
            lambda day: f"2013-01-{day:02d}T23:59:00",
            lambda day: datetime.date(2013, 1, day),
            lambda day: datetime.datetime(2013, 1, day, 23, 59),
        ],
        ids=["text", "date", "time"],
    )
    def test_days_in_many_forms(self, contract, config, write_day, data, of):
        for day in range(1, 6):
            write_day(day, when=of(day), carrier="AA")
        write_day(3, when=of(9))
        known = find(contract, config.data)[:5]
        dating, latest = dates.latest_rows(known, "parquet")
        assert dating == ["when"]
        assert [spans.label(latest[span.label].number, dated=True)[-2:] for span in known] == [
            "01", "02", "09", "04", "05",
        ]  # fmt: skip

    def test_columns_of_other_days_are_left_alone(self, contract, config, write_day, data):
        for day in range(1, 21):
            write_day(day, ends="2014-06-30", born=datetime.date(1980, 1, day), empty=None)
        assert dates.latest_rows(find(contract, config.data), "parquet") == ([], {})

    def test_csv(self, tmp_path):
        for day in (1, 2, 3):
            folder = tmp_path / f"date=2013-01-{day:02d}"
            folder.mkdir()
            said = 9 if day == 2 else day
            pa_csv.write_csv(pa.table({"when": [f"2013-01-{said:02d}"] * 2, "x": [1, 2]}), folder / "rows.csv")
        known = spans.find_spans(tmp_path, "date={YYYY}-{MM}-{DD}", "csv")
        dating, latest = dates.latest_rows(known, "csv")
        assert (dating, latest["2013-01-02"].number - known[0].number) == (["when"], 8)

    def test_a_damaged_file_says_nothing(self, make, data):
        (data / "date=2013-01-04" / "rows.parquet").write_bytes(b"none")
        assert leaks.check_plan(make(), "parquet") == ["date"]


class TestWritten:
    """What ExampleGen has written, whatever it was asked for."""

    @pytest.fixture
    def check(self, make, contract, tmp_path):
        import json

        from pipeline.backtest import written

        step = make().steps[0]

        def check(train=("02", "03", "04"), test=("05",), recorded=("02", "03", "04", "05")):
            folder = tmp_path / "examples"
            for split, days in {"train": train, "eval": test, "test": test}.items():
                (folder / f"Split-{split}").mkdir(parents=True, exist_ok=True)
                for day in days:
                    (folder / f"Split-{split}" / f"2013-01-{day}-eval-data_tfrecord-00000.gz").touch()
            labelled = [{"label": f"2013-01-{day}"} for day in recorded]
            (folder / "window.json").write_text(json.dumps(labelled))
            written.check(step, str(folder), contract.task.data.split)

        return check

    def test_as_it_should_be(self, check):
        check()

    def test_a_day_that_had_not_come(self, check):
        with pytest.raises(LeakFound, match="has read span 2013-01-06, outside its window"):
            check(recorded=("05", "06"))
        with pytest.raises(LeakFound, match="train of the run of 2013-01-05 has rows of span 2013-01-07"):
            check(train=("04", "07"))

    def test_a_day_that_trains_and_judges(self, check):
        with pytest.raises(LeakFound, match="span 2013-01-05 both trains and judges"):
            check(train=("04", "05"))
