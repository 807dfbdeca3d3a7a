"""Which runs a schedule is: their spans, their windows, and what comes after each."""

import itertools
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.backtest.plan import due_numbers, make_plan, parse_length
from pipeline.windows import load_by_span
from schema.contract import load_contract
from schema.errors import DataError, UserError


def labels(spans):
    return [span.label[-2:] for span in spans]


def test_steps_windows_and_the_days_after(make):
    plan = make()
    assert [step.label for step in plan.steps] == ["2013-01-05", "2013-01-12", "2013-01-19"]
    assert [labels(step.run.spans) for step in plan.steps] == [
        ["02", "03", "04", "05"],
        ["09", "10", "12"],
        ["16", "17", "18", "19"],
    ]
    assert [labels(step.after) for step in plan.steps] == [
        ["06", "07", "08", "09", "10", "12"],
        ["13", "14", "15", "16", "17", "18", "19"],
        ["20"],
    ]
    assert plan.steps[1].run.missing == ("2013-01-11",)
    assert (len({step.key for step in plan.steps}), plan.remarks) == (3, ())


@given(st.integers(1, 20), st.integers(0, 40), st.integers(1, 15))
def test_steps_are_evenly_apart_and_no_day_after_is_left_out_or_twice(first, length, every):
    numbers = list(due_numbers(first, first + length, every))
    assert numbers[0] == first
    assert all(later - earlier == every for earlier, later in itertools.pairwise(numbers))
    assert first + length - every < numbers[-1] <= first + length
    after = [number for due in numbers for number in range(due + 1, due + every + 1)]
    assert after == list(range(first + 1, numbers[-1] + every + 1))


@pytest.mark.parametrize("first", range(2, 11))
@pytest.mark.parametrize("window", [2, 5, 30])
@pytest.mark.parametrize("every", [1, 3, 8])
def test_no_run_reads_a_later_day_and_none_is_measured_on_what_it_has_read(make, first, window, every):
    for step in make(f"2013-01-{first:02d}", "2013-01-20", str(every), str(window)).steps:
        numbers = [span.number for span in step.run.spans] if step.run else []
        assert all(step.due - window - 1 <= number <= step.due for number in numbers)
        assert all(step.due < span.number <= step.due + every for span in step.after)


def test_a_day_that_is_not_there_is_what_a_schedule_would_have_found(make):
    plan = make("2013-01-10", "2013-01-12", "1", "3")
    assert [step.label for step in plan.steps if step.run] == ["2013-01-10", "2013-01-12"]
    assert plan.remarks == ("2013-01-11: no span has come since 2013-01-10: there was nothing to run",)
    late = make("2013-01-09", "2013-01-11", "2", "3").steps[1]
    assert (late.label, labels(late.run.spans)) == ("2013-01-11", ["08", "09", "10"])
    assert late.note == "span 2013-01-11 is not there: the latest then was 2013-01-10"


def test_an_empty_day_fails_as_it_would_have_failed_then(make, write_day):
    write_day(12, rows=0)
    step = make().steps[1]
    assert (step.run, step.is_failure) == (None, True)
    assert "span 2013-01-12 has no rows" in step.note


def test_data_that_begins_within_a_window(make):
    plan = make(window="14d")
    assert len(plan.steps[0].run.spans) == 5
    assert plan.remarks == ("the data begins with 2013-01-01: the first 2 windows hold less, the first 5 of 14 spans",)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"first": "2013-02-30"}, "'2013-02-30' is no span"),
        ({"last": "next week"}, "'next week' is no span"),
        ({"first": "2013-01-19", "last": "2013-01-05"}, "--from 2013-01-19 is after --to 2013-01-05"),
        ({"first": "2012-12-31"}, "--from 2012-12-31: no such span.*there are spans from 2013-01-01 to 2013-01-20"),
        ({"last": "2013-01-21"}, "--to 2013-01-21: no such span"),
        ({"first": "2013-01-11"}, "span 2013-01-11 is not there.*nearest: 2013-01-10 and 2013-01-12"),
        ({"every": "0d"}, "--every 0d: allowed: a number of days"),
        ({"every": "-7"}, "--every -7"),
        ({"window": "2 months"}, "--window 2 months"),
        ({"window": "1d"}, "a window of 1 up to 2013-01-05 has 1 span; give --window of 2"),
    ],
    ids=str,
)
def test_mistakes(make, options, sentence):
    with pytest.raises(UserError, match=sentence) as error:
        make(**options)
    assert error.value.exit_code == 2


def test_data_without_spans(write_task, config):
    with pytest.raises(UserError, match=r"its data has no spans; say where they are by data\.spans"):
        make_plan(load_contract(write_task()), config, "2013-01-05", "2013-01-19", "7", "4")


def test_numbered_spans_are_not_days(write_task, config, data):
    for day in (1, 2, 3):
        shutil.move(data / f"date=2013-01-{day:02d}", data / f"span-{day}")
    plan = make_plan(load_by_span(write_task(), ["data.spans=span-{SPAN}"]), config, "2", "3", "1", "2")
    assert [step.label for step in plan.steps] == ["2", "3"]
    with pytest.raises(UserError, match="--every 7d: allowed: a number of spans"):
        parse_length("--every", "7d", is_dated=False)
    assert parse_length("--every", "7d", is_dated=True) == parse_length("--every", "7", is_dated=True) == 7


def test_a_first_day_without_rows(make, write_day):
    write_day(5, rows=0)
    with pytest.raises(DataError, match="span 2013-01-05 has no rows"):
        make()
