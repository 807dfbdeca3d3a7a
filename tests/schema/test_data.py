"""`data` of a task: spans, their marker, and the split by them."""

import pytest

from schema.contract import load_contract
from schema.data import Data, SpanSplit
from schema.problems import TaskError

DAYS = "data.spans=date={YYYY}-{MM}-{DD}"


def test_spans_as_one_types_them(write_task):
    folder = write_task()
    quoted = load_contract(folder, ['data.spans="date={YYYY}-{MM}-{DD}"', "data.marker=_SUCCESS"]).task.data
    assert (quoted.spans, quoted.marker) == ("date={YYYY}-{MM}-{DD}", "_SUCCESS")
    assert load_contract(folder, [DAYS]).task.data.spans == quoted.spans
    assert load_contract(folder).task.data == Data()


@pytest.mark.parametrize(
    "pattern",
    [
        "span-{SPAN}",
        "{SPAN}",
        "span-{SPAN}/v{VERSION}",
        "'{YYYY}/{MM}/{DD}'",
        "'{YYYY}{MM}{DD}'",
        "year={YYYY}/month={MM}/day={DD}/version={VERSION}",
        "{DD}.{MM}.{YYYY}",
    ],
)
def test_patterns(write_task, pattern):
    assert load_contract(write_task(), [f"data.spans='{pattern.strip(chr(39))}'"]).task.data.spans


@pytest.mark.parametrize(
    "pattern",
    [
        "date",
        "{YYYY}-{MM}",
        "{YYYY}-{MM}-{DD}-{SPAN}",
        "{SPAN}-{SPAN}",
        "{SPAN}{VERSION}",
        "v{VERSION}",
        "{span}",
        "{SPAN}-{X}",
        "{SPAN",
        "/{SPAN}",
        "{SPAN}/",
        "a//{SPAN}",
        "../{SPAN}",
        "",
    ],
)
def test_no_patterns(write_task, pattern):
    with pytest.raises(TaskError) as error:
        load_contract(write_task(), [f"data.spans='{pattern}'"])
    [problem] = error.value.problems
    assert problem.key == "data.spans"
    assert "allowed: a path inside the data folder with {SPAN}, or with all of {YYYY}, {MM} and {DD}" in str(problem)
    assert f"got '{pattern}'" in str(problem)


def test_split_by_span(write_task):
    split = load_contract(write_task(), [DAYS, "data.split={by: span, newest: 7, key: [year]}"]).task.data.split
    assert split == SpanSplit(by="span", newest=7, key=("year",))


@pytest.mark.parametrize(
    ("overrides", "key", "fragment"),
    [
        (["data.split={by: span}"], "data.split.by", "`by: span` needs spans: say `data.spans`"),
        (["data.marker=_SUCCESS"], "data.marker", "there are none: say `data.spans`"),
        ([DAYS, "data.marker=a/b"], "data.marker", "must match"),
        ([DAYS, "data.split={by: span, newest: 0}"], "data.split.newest", "greater than 0, got 0"),
        ([DAYS, "data.split={by: span, key: [nothing]}"], "data.split.key.0", "'nothing' is not a column"),
    ],
)
def test_mistakes(write_task, overrides, key, fragment):
    with pytest.raises(TaskError) as error:
        load_contract(write_task(), overrides)
    [problem] = error.value.problems
    assert problem.key == key
    assert fragment in str(problem)
