"""Spans: which there are, and which of them a window holds."""

import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.spans import Span, find_spans, label, missing, newest_with_rows, parse_span, resolve
from schema.errors import DataError, UserError

DATED, NUMBERED, VERSIONED = "date={YYYY}-{MM}-{DD}", "span-{SPAN}", "{YYYY}/{MM}/{DD}/v{VERSION}"
DAY = datetime.date(2013, 1, 5).toordinal() - datetime.date(1970, 1, 1).toordinal()


@pytest.fixture
def write(tmp_path):
    """Writes a folder with a Parquet file of some rows."""

    def write_rows(folder, rows=1, name="rows.parquet"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"amount": [1.5] * rows}), tmp_path / folder / name)
        return tmp_path / folder

    return write_rows


def find(folder, pattern, marker=None):
    return find_spans(folder, pattern, "parquet", marker)


class TestFind:
    def test_days_ascending_with_their_numbers(self, write, tmp_path):
        for day in ("2013-01-06", "2012-12-31", "2013-01-05"):
            write(f"date={day}")
        found = find(tmp_path, DATED)
        assert [(span.label, span.number) for span in found] == [
            ("2012-12-31", DAY - 5),
            ("2013-01-05", DAY),
            ("2013-01-06", DAY + 1),
        ]
        assert Span("2013-01-05", DAY, None, str(tmp_path / "date=2013-01-05")) == found[1]

    def test_numbers_are_in_the_order_of_numbers(self, write, tmp_path):
        for number in (10, 9, 200):
            write(f"span-{number}")
        assert [(span.label, span.number) for span in find(tmp_path, NUMBERED)] == [("9", 9), ("10", 10), ("200", 200)]

    def test_other_folders_and_files_are_left_out(self, write, tmp_path):
        for name in ("date=2013-01-05", "date=2013-1-6", "_date=2013-01-06", "date=2013-01-07.tmp", "other"):
            write(name)
        (tmp_path / "date=2013-01-08").write_text("a file")
        assert [span.label for span in find(tmp_path, DATED)] == ["2013-01-05"]

    def test_of_a_day_delivered_twice_the_highest_version_counts(self, write, tmp_path):
        for folder in ("2013/01/05/v2", "2013/01/05/v10", "2013/01/05/v9", "2013/01/06/v1"):
            write(folder)
        assert [(span.label, span.version) for span in find(tmp_path, VERSIONED)] == [
            ("2013-01-05", 10),
            ("2013-01-06", 1),
        ]

    def test_a_higher_version_counts_when_it_is_complete(self, write, tmp_path):
        (write("2013/01/05/v1") / "_SUCCESS").touch()
        higher = write("2013/01/05/v2")
        assert [span.version for span in find(tmp_path, VERSIONED, "_SUCCESS")] == [1]
        (higher / "_SUCCESS").touch()
        assert [span.version for span in find(tmp_path, VERSIONED, "_SUCCESS")] == [2]

    def test_a_day_twice_without_a_version_is_an_error(self, write, tmp_path):
        write("span-1"), write("span-01")
        with pytest.raises(DataError, match=r"span 1 is there twice, in .*span-01 and .*span-1; .*\{VERSION\}"):
            find(tmp_path, NUMBERED)

    def test_a_folder_without_files_is_not_there_and_one_without_rows_is(self, write, tmp_path):
        (tmp_path / "date=2013-01-07").mkdir()
        (tmp_path / "date=2013-01-08").mkdir()
        (tmp_path / "date=2013-01-08" / "rows.csv").write_text("amount\n1\n")
        write("date=2013-01-05"), write("date=2013-01-06", rows=0)
        found = find(tmp_path, DATED)
        assert [span.label for span in found] == ["2013-01-05", "2013-01-06"]
        assert newest_with_rows(found, "parquet") is found[0]
        assert newest_with_rows(found[1:], "parquet") is None

    def test_a_day_that_is_none(self, write, tmp_path):
        write("date=2013-02-30")
        with pytest.raises(DataError, match=r"date=2013-02-30: 2013-02-30 is no day"):
            find(tmp_path, DATED)

    def test_nothing_there(self, write, tmp_path):
        write("date=2013-01-05")
        with pytest.raises(
            DataError, match=r"no folder here is named as data.spans says, span-\{SPAN\}, and has a .par"
        ):
            find(tmp_path, NUMBERED)
        with pytest.raises(DataError, match=r"and has a .parquet file and _SUCCESS"):
            find(tmp_path, DATED, "_SUCCESS")
        with pytest.raises(DataError, match="no such folder"):
            find(tmp_path / "none", DATED)


class TestParse:
    @pytest.mark.parametrize(
        ("text", "pattern", "number"),
        [
            ("2013-01-05", DATED, DAY),
            (str(DAY), DATED, DAY),
            ("0", DATED, 0),
            ("17", NUMBERED, 17),
            ("017", NUMBERED, 17),
        ],
    )
    def test_right(self, text, pattern, number):
        assert parse_span(text, pattern) == number

    @pytest.mark.parametrize("text", ["2013-02-30", "2013-1-5", "latest", "", "-1", "20130105", "٣", "9" * 30])
    def test_no_day(self, text):
        with pytest.raises(
            UserError, match=r"is no span of date=.*allowed: a day as YYYY-MM-DD, or as days since 1970"
        ):
            parse_span(text, DATED)

    @pytest.mark.parametrize("text", ["2013-01-05", "x", "1.5"])
    def test_no_number(self, text):
        with pytest.raises(UserError, match="allowed: a whole number"):
            parse_span(text, NUMBERED)


def days(*numbers):
    return tuple(Span(label(DAY + n, dated=True), DAY + n, None, str(n)) for n in numbers)


class TestResolve:
    def test_the_latest_alone(self):
        assert resolve(days(0, 1, 5)) == days(5)

    def test_a_window_is_of_calendar_days_and_tells_which_are_missing(self):
        there = days(0, 1, 3, 5, 6)
        chosen = resolve(there, DAY + 5, 4)
        assert chosen == days(3, 5)
        assert missing(there, chosen, 4) == ("2013-01-07", "2013-01-09")

    def test_before_the_first_day_nothing_is_missing(self):
        there = days(0, 2)
        assert missing(there, resolve(there, DAY + 2, 60), 60) == ("2013-01-06",)

    def test_numbers_in_the_same_way(self):
        there = tuple(Span(str(n), n, None, "") for n in (7, 9, 10))
        chosen = resolve(there, None, 3)
        assert [span.label for span in chosen] == ["9", "10"]
        assert missing(there, chosen, 3) == ("8",)

    @pytest.mark.parametrize(
        ("number", "expected"),
        [
            (3, "span 2013-01-08 is not there, or not complete; nearest: 2013-01-06 and 2013-01-10"),
            (-9, "span 2012-12-27 is not there, or not complete; nearest: 2013-01-05"),
            (9, "span 2013-01-14 is not there, or not complete; nearest: 2013-01-10"),
        ],
    )
    def test_a_span_that_is_not_there(self, number, expected):
        with pytest.raises(DataError) as error:
            resolve(days(0, 1, 5), DAY + number)
        assert str(error.value) == expected

    @given(st.sets(st.integers(0, 60), min_size=1), st.data(), st.integers(1, 70))
    def test_a_window_never_reaches_beyond_its_ends(self, numbers, data, window):
        there = days(*sorted(numbers))
        newest = data.draw(st.sampled_from(there))
        chosen = resolve(there, newest.number, window)
        assert chosen[-1] is newest
        assert all(newest.number - window < span.number <= newest.number for span in chosen)
        assert set(chosen) == {span for span in there if newest.number - window < span.number <= newest.number}
        lacking = missing(there, chosen, window)
        assert not {span.label for span in there} & set(lacking)
        reach = min(window, newest.number - there[0].number + 1)
        assert len(chosen) + len(lacking) == reach
        # What arrives later changes no window of the past.
        assert resolve([span for span in there if span.number <= newest.number], newest.number, window) == chosen
