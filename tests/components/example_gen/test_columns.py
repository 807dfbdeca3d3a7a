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


@settings(max_examples=60, deadline=None)
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
    features = to_features(batch, {"a": "BYTES", "b": "BYTES"}, "rows.csv", labels={"b"})
    assert features.column(0).to_pylist() == [[b""], [b"yes"], None]
    assert features.column(1).to_pylist() == [None, [b"yes"], None]
