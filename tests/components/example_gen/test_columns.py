"""Arrow types to the three kinds of tf.Example features."""

import datetime
import decimal
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders import example_coder

from components.example_gen.columns import to_features
from schema.errors import DataError

INT, FLOAT, BYTES = pa.list_(pa.int64()), pa.list_(pa.float32()), pa.list_(pa.binary())


def convert(column, declared):
    """Returns the type and the values of one column as features."""
    batch = to_features(pa.RecordBatch.from_arrays([column], names=["x"]), {"x": declared}, "a.parquet")
    assert batch.schema.names == ["x"]
    batch.validate(full=True)
    return batch.column(0).type, batch.column(0).to_pylist()


class TestTypes:
    @pytest.mark.parametrize(
        "kind",
        [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()],
        ids=str,
    )
    @pytest.mark.parametrize(
        ("declared", "expected"), [("INT", INT), ("FLOAT", FLOAT), ("BYTES", INT)], ids=["INT", "FLOAT", "BYTES"]
    )
    def test_integers(self, kind, declared, expected):
        assert (expected, [[1], None, [100]]) == convert(pa.array([1, None, 100], kind), declared)

    @pytest.mark.parametrize("kind", [pa.float32(), pa.float64()], ids=str)
    @pytest.mark.parametrize("declared", ["INT", "FLOAT", "BYTES"])
    def test_fractions_stay_floats(self, kind, declared):
        assert convert(pa.array([1.5, None, 2.0], kind), declared) == (FLOAT, [[1.5], None, [2.0]])

    @pytest.mark.parametrize(("declared", "expected"), [("INT", (INT, [[1], [0]])), ("FLOAT", (FLOAT, [[1.0], [0.0]]))])
    def test_booleans(self, declared, expected):
        assert expected == convert(pa.array([True, False]), declared)

    def test_decimals(self):
        column = pa.array([decimal.Decimal("1.5"), None, decimal.Decimal("-2")])
        assert convert(column, "FLOAT") == (FLOAT, [[1.5], None, [-2.0]])
        assert convert(pa.array([decimal.Decimal("3.00"), None]), "INT") == (INT, [[3], None])

    @pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()], ids=str)
    @pytest.mark.parametrize("declared", ["INT", "FLOAT", "BYTES"])
    def test_text_and_bytes(self, kind, declared):
        # Text in a number column stays text: ExampleValidator names the column.
        assert (BYTES, [["ä".encode()], None, [b""]]) == convert(pa.array(["ä", None, ""], kind), declared)

    def test_bytes_of_one_length(self):
        assert convert(pa.array([b"ab", None], pa.binary(2)), "BYTES") == (BYTES, [[b"ab"], None])

    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            (pa.array([datetime.date(2013, 1, 31)]), b"2013-01-31"),
            (pa.array([datetime.datetime(2013, 1, 31, 5)], pa.timestamp("s")), b"2013-01-31 05:00:00"),
            (pa.array([datetime.time(5, 30)], pa.time32("s")), b"05:30:00"),
        ],
    )
    def test_dates_and_times_are_text(self, column, expected):
        assert (BYTES, [[expected], None]) == convert(pa.concat_arrays([column, pa.nulls(1, column.type)]), "BYTES")

    @pytest.mark.parametrize(
        ("values", "declared", "expected"),
        [
            (["a", None, "a", "b"], "BYTES", (BYTES, [[b"a"], None, [b"a"], [b"b"]])),
            ([1, None, 1], "INT", (INT, [[1], None, [1]])),
            ([1, None, 1], "FLOAT", (FLOAT, [[1.0], None, [1.0]])),
        ],
    )
    def test_dictionaries_are_decoded(self, values, declared, expected):
        assert expected == convert(pa.array(values).dictionary_encode(), declared)

    @pytest.mark.parametrize(("declared", "expected"), [("INT", INT), ("FLOAT", FLOAT), ("BYTES", BYTES), ("", BYTES)])
    def test_columns_without_any_value(self, declared, expected):
        assert (expected, [None, None]) == convert(pa.nulls(2), declared)

    @pytest.mark.parametrize(
        "column", [pa.array([[1]]), pa.array([{"a": 1}]), pa.array([datetime.timedelta(1)])], ids=lambda c: str(c.type)
    )
    def test_unsupported_types_are_named_with_file_and_column(self, column):
        with pytest.raises(DataError) as error:
            convert(column, "INT")
        expected = f"a.parquet: column 'x' is of type {column.type}, which is not supported; allowed: integers, floats"
        assert str(error.value).startswith(expected)

    def test_an_integer_that_int64_cannot_hold(self):
        with pytest.raises(DataError, match=r"a\.parquet: column 'x' of type uint64 cannot be read as int64"):
            convert(pa.array([2**63], pa.uint64()), "INT")


class TestNumbers:
    @pytest.mark.parametrize("declared", ["INT", "FLOAT"])
    def test_nan_is_missing(self, declared):
        _, values = convert(pa.array([math.nan, 1.0, None]), declared)
        assert values == [None, [1.0], None]

    def test_whole_floats_in_an_int_column_are_integers(self):
        # What pandas makes of integers when some are missing.
        kind, values = convert(pa.array([3.0, math.nan, -4.0]), "INT")
        assert (kind, values) == (INT, [[3], None, [-4]])

    @pytest.mark.parametrize("odd", [0.5, math.inf, -math.inf, 2.0**60])
    def test_one_that_is_no_exact_integer_keeps_the_column_float(self, odd):
        assert (FLOAT, [[3.0], [odd]]) == convert(pa.array([3.0, odd]), "INT")

    def test_large_integers_keep_every_digit(self):
        assert convert(pa.array([2**62 + 1]), "INT") == (INT, [[2**62 + 1]])
        assert convert(pa.array([2.0**53]), "INT") == (INT, [[2**53]])

    def test_integers_in_a_float_column_are_rounded_to_float32(self):
        assert (FLOAT, [[float(np.float32(16_777_217))]]) == convert(pa.array([16_777_217]), "FLOAT")


class TestColumns:
    def test_declared_ones_only_and_sorted(self):
        batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["b", "z", "a"])
        assert to_features(batch, {"b": "INT", "a": "INT", "c": "INT"}, "f").to_pydict() == {"a": [[3]], "b": [[1]]}

    def test_a_batch_that_is_a_slice_of_another(self):
        batch = pa.RecordBatch.from_arrays([pa.array([None, 1, None, 2, 3])], names=["x"])
        assert to_features(batch.slice(2, 2), {"x": "INT"}, "f").to_pydict() == {"x": [None, [2]]}

    @pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.binary(2)], ids=str)
    @pytest.mark.parametrize("start", range(4))
    def test_a_slice_in_which_an_empty_text_is_missing(self, kind, start):
        # Some of these were invalid by Arrow 18's if_else, and others ended the process in Arrow 10's cast.
        values = [b"ab", None, b"" if kind != pa.binary(2) else None, b"cd"]
        batch = pa.RecordBatch.from_arrays([pa.array(values, kind)], names=["x"]).slice(start)
        found = to_features(batch, {"x": "BYTES"}, "f", ["x"])
        found.validate(full=True)
        assert found.column(0).to_pylist() == [[value] if value else None for value in values[start:]]

    def test_no_rows(self):
        assert convert(pa.array([], pa.int64()), "INT") == (INT, [])


floats32 = st.floats(width=32, allow_nan=False)
rows = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | floats32,
        st.none() | st.text(st.characters(codec="utf-8")),
    ),
    max_size=20,
)


@settings(max_examples=60)
@given(rows)
def test_examples_hold_what_the_columns_held(rows):
    """Round trip through serialized tf.Examples, by the coders that TFX itself uses."""
    names, types = ["i", "f", "b"], [pa.int64(), pa.float64(), pa.string()]
    columns = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(types)]
    batch = pa.RecordBatch.from_arrays(columns, names=names)
    features = to_features(batch, {"i": "INT", "f": "FLOAT", "b": "BYTES"}, "f")
    serialized = example_coder.RecordBatchToExamplesEncoder().encode(features)
    schema = schema_pb2.Schema()
    for name, kind in zip(names, (schema_pb2.INT, schema_pb2.FLOAT, schema_pb2.BYTES), strict=True):
        schema.feature.add(name=name, type=kind)
    decoded = example_coder.ExamplesToRecordBatchDecoder(schema.SerializeToString()).DecodeBatch(serialized)
    found = list(
        zip(*(decoded.column(decoded.schema.get_field_index(name)).to_pylist() for name in names), strict=True)
    )
    wrapped = [[None if v is None else [v.encode() if isinstance(v, str) else v] for v in row] for row in rows]
    assert wrapped == [list(row) for row in found]


def test_an_empty_label_is_a_missing_one():
    batch = pa.RecordBatch.from_arrays([pa.array(["", "yes", None])] * 2, names=["a", "b"])
    features = to_features(batch, {"a": "BYTES", "b": "BYTES"}, "rows.csv", empty_is_missing={"b"})
    assert features.column(0).to_pylist() == [[b""], [b"yes"], None]
    assert features.column(1).to_pylist() == [None, [b"yes"], None]


def tags_of(column, separator="|"):
    batch = pa.RecordBatch.from_arrays([column], names=["x"])
    features = to_features(batch, {"x": "BYTES"}, "a.parquet", {"x"}, {"x": separator})
    features.validate(full=True)
    return features.column(0).type, features.column(0).to_pylist()


LISTS = [["a", "b"], None, [], [None, ""], ["b", None], ["", "c"], []]
LISTS_OF_TAGS = [[b"a", b"b"], None, [b""], [b""], [b"b"], [b"c"], [b""]]


class TestTags:
    @pytest.mark.parametrize(
        "kind",
        [
            pa.list_(pa.string()),
            pa.large_list(pa.string()),
            pa.list_(pa.large_string()),
            pa.list_(pa.binary()),
            pa.large_list(pa.large_binary()),
        ],
        ids=str,
    )
    def test_lists(self, kind):
        assert tags_of(pa.array(LISTS, kind)) == (BYTES, LISTS_OF_TAGS)

    def test_lists_of_dictionary_strings_and_dictionaries_of_strings(self):
        words = pa.array(["a", "b", "b"]).dictionary_encode()
        lists = pa.ListArray.from_arrays(pa.array([0, 2, None, 3], pa.int32()), words)
        assert tags_of(lists) == (BYTES, [[b"a", b"b"], [b"b"], None])
        assert tags_of(pa.array(["a|b", None, "a|b"]).dictionary_encode()) == (
            BYTES,
            [[b"a", b"b"], None, [b"a", b"b"]],
        )

    def test_texts_are_split_and_trimmed(self):
        column = pa.array(["a|b", " a | b c |", None, "", "  ", "|", " | ", "||c"])
        expected = [[b"a", b"b"], [b"a", b"b c"], None, None, None, [b""], [b""], [b"c"]]
        assert tags_of(column) == (BYTES, expected)

    @pytest.mark.parametrize(
        ("separator", "text"), [(";", "a;b|c"), (", ", "a, b|c"), (" ", "a b|c"), (".*", "a.*b|c")]
    )
    def test_the_separator_is_taken_literally(self, separator, text):
        column = pa.array([text, separator, None])
        assert tags_of(column, separator) == (BYTES, [[b"a", b"b|c"], [b""], None])

    def test_a_slice_of_a_batch_no_rows_and_no_values(self):
        column = pa.array(LISTS, pa.list_(pa.string()))
        assert tags_of(column.slice(1, 4)) == (BYTES, LISTS_OF_TAGS[1:5])
        assert tags_of(pa.array(["x|y", "z", "a|"]).slice(1)) == (BYTES, [[b"z"], [b"a"]])
        assert tags_of(column.slice(0, 0)) == (BYTES, [])
        assert tags_of(pa.nulls(2)) == (BYTES, [None, None])
        assert tags_of(pa.nulls(2, pa.list_(pa.string()))) == (BYTES, [None, None])
        assert tags_of(pa.array([[], None])) == (BYTES, [[b""], None])

    def test_lists_of_numbers_are_named(self):
        with pytest.raises(DataError) as error:
            tags_of(pa.array([[1]]))
        expected = "is of type list<item: int64>; allowed: lists of texts, or texts with '|' between"
        assert str(error.value) == f"a.parquet: column 'x' {expected}"

    def test_numbers_stay_numbers_for_the_validator_to_name(self):
        assert tags_of(pa.array([1, None])) == (INT, [[1], None])

    def test_lists_elsewhere_stay_an_error(self):
        batch = pa.RecordBatch.from_arrays([pa.array([["a"]])] * 2, names=["x", "y"])
        with pytest.raises(DataError, match=r"column 'y' is of type list<item: string>, which is not supported"):
            to_features(batch, {"x": "BYTES", "y": "BYTES"}, "f", separators={"x": "|"})


@settings(max_examples=60)
@given(st.lists(st.none() | st.lists(st.none() | st.sampled_from(["", "a", "b", "ä"]), max_size=4), max_size=12))
def test_tags_are_those_of_a_loop_over_the_rows(lists):
    expected = [None if row is None else [tag.encode() for tag in row if tag] or [b""] for row in lists]
    assert tags_of(pa.array(lists, pa.list_(pa.string()))) == (BYTES, expected)
