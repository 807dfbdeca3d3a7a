"""Rows as they can be sent: what is in them, and the rare ones among them."""

import numpy as np
import pytest

from schema.names import MISSING_INT


@pytest.fixture(scope="module")
def requests():
    from components.canary import requests

    return requests


@pytest.fixture
def rows(sample, requests, told):
    return requests.read_rows(sample.serialize(sample.draw(10)), told.features)


def test_rows_hold_what_raw_examples_say_of_features_and_no_labels(sample, requests, told):
    drawn = sample.draw(10)
    read = requests.read_rows(sample.serialize(drawn), told.features)
    for row, found in zip(drawn, read, strict=True):
        # An empty text is a missing one in a tensor.
        given = {name: row[name] for name in told.features if row[name] not in (None, "")}
        assert set(given) == set(found)
        assert [given.get("age"), given.get("city", "").encode()] == [found.get("age"), found.get("city", b"")]


def test_rows_of_examples_are_their_rows_again(requests, told, rows):
    assert requests.read_rows(requests.examples(rows, told.features), told.features) == rows


@pytest.mark.parametrize("marked", [{"age": MISSING_INT}, {"height": float("nan")}, {"city": ""}])
def test_what_stands_for_a_missing_value_is_one(sample, requests, told, marked):
    assert requests.read_rows(sample.serialize([marked]), told.features) == [{}]


def test_columns_mark_what_is_missing(requests, told):
    columns = requests.columns([{"age": 3, "city": b"oslo"}, {"height": 1.5}], told.features)
    assert set(columns) == set(told.features)
    assert [columns[name].dtype for name in ("age", "height", "city")] == [np.int64, np.float32, object]
    assert columns["age"].tolist() == [3, MISSING_INT]
    assert columns["city"].tolist() == [b"oslo", b""]
    np.testing.assert_array_equal(columns["height"], [np.nan, 1.5])


def test_features_without_any_value_are_left_out_unless_none_has_one(requests, told):
    assert set(requests.given_columns([{"age": 3}, {"city": b"oslo"}], told.features)) == {"age", "city"}
    assert set(requests.given_columns([{}], told.features)) == set(told.features)


def test_every_edge_is_asked_about(requests, told, rows):
    asked = {request.name: request for request in requests.requests(rows, told.features)}
    assert asked["real rows"].rows == rows
    assert len(asked["one row"].rows) == 1
    assert asked["no rows"].rows == []
    assert asked["a row without any feature"].rows == [{}]
    for name in told.features:
        [row] = asked[f"a row without '{name}'"].rows
        assert name not in row
        assert len(row) >= len(told.features) - 2
    [unheard_of] = asked["unknown categories"].rows
    assert not {unheard_of["city"], unheard_of["code"]} & {row.get(name) for row in rows for name in ("city", "code")}
    assert asked["empty texts"].rows[0]["note"] == b""


def test_broken_images_must_be_refused_and_the_next_request_answered(requests, told, rows):
    made = list(requests.requests(rows, told.features))
    broken = [i for i, request in enumerate(made) if request.is_broken]
    assert [made[i].name for i in broken] == ["no image in 'photo'", "half an image in 'photo'"]
    for i in broken:
        assert not made[i + 1].is_broken


def test_without_such_features_there_are_no_such_requests(requests, told):
    ages = {"age": told.features["age"]}
    asked = [request.name for request in requests.requests([{"age": 1}], ages)]
    assert asked == ["real rows", "one row", "no rows", "a row without any feature", "a row without 'age'"]
