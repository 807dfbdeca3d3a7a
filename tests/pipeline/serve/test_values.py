"""One value of a request: what is taken, and what is said of the rest."""

import json
import math

import numpy as np
import pytest

from pipeline.serve.values import Input, is_binary, quoted, shown
from schema.names import MISSING_INT

FLOAT, INT, TEXT, IMAGE = Input("FLOAT"), Input("INT"), Input("BYTES"), Input("BYTES", is_image=True)
EXAMPLE = Input("BYTES", is_optional=False)


@pytest.mark.parametrize(
    ("part", "value", "expected"),
    [
        (FLOAT, 1.5, 1.5),
        (FLOAT, -3, -3.0),
        (FLOAT, 3.4e38, 3.4e38),
        (INT, 7, 7),
        (INT, 2**63 - 1, 2**63 - 1),
        (INT, -(2**63), MISSING_INT),
        (TEXT, "é", "é".encode()),
        (TEXT, "", b""),
        (TEXT, {"b64": "/wAA"}, b"\xff\0\0"),
        (TEXT, {"b64": "/w"}, b"\xff"),
        (TEXT, {"b64": "/w\n=="}, b"\xff"),
        (IMAGE, {"b64": "/w=="}, b"\xff"),
        (IMAGE, "", b""),
        (EXAMPLE, {"b64": ""}, b""),
        (EXAMPLE, "text", b"text"),
    ],
)
def test_taken(part, value, expected):
    converted = part.convert(value)
    assert (converted, type(converted)) == (expected, type(expected))


@pytest.mark.parametrize("part", [FLOAT, INT, TEXT, IMAGE])
def test_null_is_missing(part):
    np.testing.assert_array_equal(part.array([part.convert(None)]), part.missing(1))


def test_nan_is_a_missing_number():
    assert math.isnan(FLOAT.convert(math.nan))


@pytest.mark.parametrize(
    ("part", "value", "got"),
    [
        (FLOAT, "1", 'text "1"'),
        (FLOAT, True, "true"),
        (FLOAT, [1.0], "a list of 1"),
        (FLOAT, {}, "an object"),
        (FLOAT, math.inf, "number Infinity"),
        (FLOAT, 3.5e38, "number 3.5e+38"),
        (FLOAT, -(10**400), "number -1000"),
        (INT, 1.0, "number 1.0"),
        (INT, False, "false"),
        (INT, math.nan, "number NaN"),
        (INT, 2**63, "number 9223372036854775808"),
        (INT, -(2**63) - 1, "number -9223372036854775809"),
        (TEXT, 3, "number 3"),
        (TEXT, ["a"], "a list of 1"),
        (TEXT, {"b64": 3}, "an object"),
        (TEXT, {"b64": "", "more": 1}, "an object"),
        (IMAGE, "abc", 'text "abc"'),
        (FLOAT, {"b64": ""}, '{"b64": text}'),
        (EXAMPLE, None, "null"),
    ],
)
def test_refused(part, value, got):
    with pytest.raises(ValueError, match="; allowed: ") as error:
        part.convert(value)
    assert str(error.value).startswith(f"got {got}")
    assert part.allowed in str(error.value)


@pytest.mark.parametrize("text", ["a!", "/w===", "a", "ü"])
def test_what_is_not_base64(text):
    with pytest.raises(ValueError, match="not base64"):
        TEXT.convert({"b64": text})


def test_half_a_character_is_not_unicode():
    with pytest.raises(ValueError, match=r'"\\ud83d", which is not Unicode'):
        TEXT.convert("\ud83d")


def test_arrays_have_the_types_of_the_signature():
    assert FLOAT.array([1.0]).dtype == np.float32
    assert INT.array([2**63 - 1]).tolist() == [2**63 - 1]
    assert TEXT.array([b"a\0"]).tolist() == [b"a\0"]


def test_allowed_says_how_to_give_what_is_missing():
    assert FLOAT.allowed == "a number up to 3.403e+38, or null if it is missing"
    assert EXAMPLE.allowed == '{"b64": text}'


def test_a_long_value_is_shown_in_part():
    assert shown("x" * 1000) == f'text "{"x" * 39}...'
    assert quoted({"a": [1]}) == json.dumps({"a": [1]})


def test_binary_is_an_object_of_one_text():
    values = [{"b64": "x"}, {"b64": 1}, {"b64": "x", "y": 1}, {}, "b64", None]
    assert [is_binary(value) for value in values] == [True, False, False, False, False, False]
