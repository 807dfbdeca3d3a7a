"""A column that some day's files lack."""

from components.data_gate.vanished import vanished


def window(*columns):
    """Returns what spans of a window hold, of each the columns that it has; a span of None has no rows."""
    return [
        {
            "label": f"2013-01-0{day}",
            "rows": {"train": 0 if names is None else 9},
            "values": dict.fromkeys(names or (), 9),
        }
        for day, names in enumerate(columns, 1)
    ]


def test_nothing_is_gone():
    assert vanished(window("ab", "ab"), "ab") == {}
    assert vanished([], "ab") == {}


def test_a_column_renamed_on_the_newest_day_is_named_with_the_day():
    assert vanished(window("ab", "ab", "aB"), "ab") == {
        "b": "column 'b': not in the files of span 2013-01-03, but in those of 2013-01-01"
    }


def test_a_day_in_between_and_later_ones():
    assert vanished(window("ab", "a", "ab", "a"), "ab") == {
        "b": "column 'b': not in the files of span 2013-01-02 and 1 more, but in those of 2013-01-01"
    }


def test_a_column_may_begin_later_but_not_end():
    assert vanished(window("a", "ab", "ab"), "ab") == {}
    assert list(vanished(window("a", "ab", "a"), "ab")) == ["b"]


def test_columns_that_the_task_does_not_need_and_days_without_rows_do_not_count():
    assert vanished(window("abc", "ab", None, "ab"), "ab") == {}


def test_a_column_without_values_is_there():
    held = window("a", "a")
    held[1]["values"]["a"] = 0
    assert vanished(held, "a") == {}
