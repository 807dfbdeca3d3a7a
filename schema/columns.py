"""The columns of schema.pbtxt, a TensorFlow Metadata schema."""

from __future__ import annotations

import re
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schema.names import NO_TAG
from schema.problems import Problem, TaskError

SCHEMA_FILE = "schema.pbtxt"

_TYPE_NAMES = {schema_pb2.INT: "INT", schema_pb2.FLOAT: "FLOAT", schema_pb2.BYTES: "BYTES"}


def read_schema(file: Path) -> schema_pb2.Schema:
    """Reads schema.pbtxt.

    Raises:
        TaskError: The file is missing or not a text-format Schema.
    """
    try:
        return text_format.Parse(file.read_text(encoding="utf-8"), schema_pb2.Schema())
    except OSError as error:
        raise TaskError([Problem(str(file), "", f"cannot be read: {error.strerror}")]) from None
    except RecursionError:
        raise TaskError([Problem(str(file), "", "not a TensorFlow Metadata schema: nested too deeply")]) from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        found = re.match(r"(\d+):\d+ : (.*)", str(error), re.DOTALL)
        where, message = (f"{file}:{found[1]}", found[2]) if found else (str(file), str(error))
        raise TaskError([Problem(where, "", f"not a TensorFlow Metadata schema: {message}")]) from None


def columns(schema: schema_pb2.Schema) -> dict[str, schema_pb2.Feature]:
    """Returns the columns of a schema by name."""
    return {feature.name: feature for feature in schema.feature}


def column_type(column: schema_pb2.Feature) -> str:
    """Returns INT, FLOAT or BYTES, or an empty string if the schema does not say."""
    return _TYPE_NAMES.get(column.type, "")


def column_types(schema: schema_pb2.Schema) -> dict[str, str]:
    """Returns the type of every column of a schema by name, as `column_type` has it."""
    return {name: column_type(column) for name, column in columns(schema).items()}


def domain(schema: schema_pb2.Schema, column: str) -> tuple[str, ...]:
    """Returns the string domain of a column, its own or a shared one; empty if it has none."""
    feature = columns(schema).get(column)
    if feature is None:
        return ()
    if feature.WhichOneof("domain_info") == "domain":
        return next((tuple(shared.value) for shared in schema.string_domain if shared.name == feature.domain), ())
    return tuple(feature.string_domain.value)


def class_names(schema: schema_pb2.Schema, column: str) -> tuple[str, ...]:
    """Returns the string domain of a column, its own or a shared one, without NO_TAG; empty if it has none."""
    return tuple(value for value in domain(schema, column) if value != NO_TAG)
