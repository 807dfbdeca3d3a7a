"""Accumulators: merged in any order, kept and read again, and images that are no words."""

import pyarrow as pa
import pytest

from schema.errors import DataError


@pytest.fixture(scope="module")
def accumulate():
    from components.statistics_gen import accumulate

    return accumulate


def batch(**columns):
    """Returns rows of one value, or none, each."""
    lists = {name: [None if one is None else [one] for one in values] for name, values in columns.items()}
    return pa.RecordBatch.from_pydict(lists)


def by_column(found):
    return {feature.path.step[0]: feature for feature in found.datasets[0].features}


def test_images_are_no_words(accumulate):
    found = accumulate.accumulate([batch(photo=[b"1", b"2"], colour=[b"red", b"blue"])], ["photo"])
    kinds = {name: one.WhichOneof("stats") for name, one in by_column(accumulate.extract(found, ["photo"])).items()}
    assert kinds == {"colour": "string_stats", "photo": "bytes_stats"}


def test_parts_say_together_what_all_rows_say(accumulate):
    rows = [batch(x=[1.5, None]), batch(x=[2.5, 4.0], y=[b"a", b"b"]), batch(y=[b"b"])]
    whole = accumulate.extract(accumulate.accumulate(rows, ()), ())
    parts = [accumulate.to_bytes(accumulate.accumulate([one], ())) for one in rows]
    for order in (parts, parts[::-1]):
        assert accumulate.extract(accumulate.merge(map(accumulate.from_bytes, order), ()), ()) == whole
    assert whole.datasets[0].num_examples == 5
    assert by_column(whole)["y"].string_stats.common_stats.num_missing == 2


def test_rows_of_two_types_are_an_error_that_names_the_column(accumulate):
    rows = [batch(x=[1], y=[1]), batch(x=[1], y=[1.5])]
    expected = "column 'y' is FLOAT in some rows and INT in others"
    with pytest.raises(DataError, match=expected):
        accumulate.accumulate(rows, ())
    with pytest.raises(DataError, match=expected):
        accumulate.merge([accumulate.accumulate([one], ()) for one in rows], ())


def test_nothing_has_no_rows(accumulate):
    [dataset] = accumulate.extract(accumulate.merge([], ()), ()).datasets
    assert (dataset.num_examples, len(dataset.features)) == (0, 0)
