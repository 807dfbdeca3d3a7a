"""Columns of schema.pbtxt."""

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schema.columns import class_names, column_type, columns, domain, read_schema


def test_read_schema_reads_what_text_format_wrote(tmp_path):
    expected = schema_pb2.Schema()
    expected.feature.add(name="é", type=schema_pb2.INT)
    (tmp_path / "schema.pbtxt").write_text(text_format.MessageToString(expected, as_utf8=True), encoding="utf-8")
    assert expected == read_schema(tmp_path / "schema.pbtxt")


def test_classes_of_own_and_shared_domains_and_of_none(toy_schema):
    parsed = text_format.Parse(toy_schema, schema_pb2.Schema())
    found = {name: class_names(parsed, name) for name in ("kind", "size", "year", "nobody")}
    assert found == {"kind": ("cat", "dog"), "size": ("small", "large", "huge"), "year": (), "nobody": ()}


def test_types(toy_schema):
    parsed = text_format.Parse(toy_schema + 'feature { name: "untyped" }', schema_pb2.Schema())
    found = {name: column_type(column) for name, column in columns(parsed).items()}
    types = {"amount": "FLOAT", "colour": "BYTES", "year": "INT", "fold": "BYTES", "kind": "BYTES", "size": "BYTES"}
    assert {**types, "untyped": ""} == found


def test_no_tag_is_a_value_and_no_class():
    parsed = text_format.Parse('feature { name: "x" string_domain { value: "a" value: "" } }', schema_pb2.Schema())
    assert (domain(parsed, "x"), class_names(parsed, "x")) == (("a", ""), ("a",))
