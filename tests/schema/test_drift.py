"""`drift` of a task, and thresholds of schema.pbtxt."""

import pytest

from schema.contract import load_contract
from schema.drift import PREVIOUS, WINDOW
from schema.problems import TaskError

DAYS = "data.spans=date={YYYY}-{MM}-{DD}"


def comparator(line, name, text):
    """schema.pbtxt with thresholds in one column."""
    start = f'feature {{ name: "{name}" '
    return line.replace(start, start + text + " ")


def problem(load):
    with pytest.raises(TaskError) as error:
        load()
    [found] = error.value.problems
    return found


def test_the_default_warns_and_needs_no_spans(write_task):
    assert load_contract(write_task()).task.drift == "warn"
    assert load_contract(write_task(), ["drift=off"]).task.drift == "off"


def test_stop_needs_spans(write_task):
    found = problem(lambda: load_contract(write_task(), ["drift=stop"]))
    assert found.key == "drift"
    assert "say `data.spans`" in found.message
    assert load_contract(write_task(), ["drift=stop", DAYS]).task.drift == "stop"


def test_another_mode_is_none(write_task):
    assert problem(lambda: load_contract(write_task(), ["drift=halt", DAYS])).key == "drift"


def test_features_and_labels_are_watched_and_the_others_if_they_have_a_threshold(write_task, toy_schema):
    by_name = {column.name: column for column in load_contract(write_task()).watched}
    assert {name: (c.kind, c.is_label) for name, c in by_name.items()} == {
        "amount": ("number", False),
        "colour": ("category", False),
        "kind": ("category", True),
        "size": ("category", True),
    }
    text = comparator(toy_schema, "year", "drift_comparator { jensen_shannon_divergence { threshold: 0.2 } }")
    [year] = [column for column in load_contract(write_task(pbtxt=text)).watched if column.name == "year"]
    assert (year.kind, year.stated) == ("number", {PREVIOUS: 0.2})


def test_a_threshold_is_read_for_its_comparison_and_is_not_part_of_the_schema_of_the_rows(write_task, toy_schema):
    text = comparator(toy_schema, "colour", "skew_comparator { infinity_norm { threshold: 0.3 } }")
    bare, stated = load_contract(write_task()), load_contract(write_task(pbtxt=text))
    [colour] = [column for column in stated.watched if column.name == "colour"]
    assert (colour.threshold(WINDOW), colour.threshold(PREVIOUS)) == (0.3, 0.1)
    assert stated.schema == bare.schema


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "colour",
            "drift_comparator { jensen_shannon_divergence { threshold: 0.1 } }",
            "not how categories are compared",
        ),
        ("kind", "skew_comparator { jensen_shannon_divergence { threshold: 0.1 } }", "not how categories are compared"),
        ("amount", "skew_comparator { infinity_norm { threshold: 0.1 } }", "not how numbers are compared"),
        ("amount", "drift_comparator { normalized_abs_difference { threshold: 9 } }", "not how numbers are compared"),
        ("colour", "drift_comparator { infinity_norm { threshold: 1.5 } }", "from 0 to 1, got a threshold of 1.5"),
    ],
)
def test_a_threshold_that_does_not_fit_is_an_error(write_task, toy_schema, name, text, words):
    found = problem(lambda: load_contract(write_task(pbtxt=comparator(toy_schema, name, text))))
    assert found.key.startswith(f"{name}.")
    assert words in found.message
