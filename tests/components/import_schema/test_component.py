"""The schema that the pipeline works with, as an artifact."""

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.import_schema.component import Executor, ImportSchema

TEXT = 'feature { name: "é" type: BYTES string_domain { value: "ja" value: "" } }'


def test_the_artifact_holds_the_schema_as_tfx_reads_it(tmp_path):
    schema = text_format.Parse(TEXT, schema_pb2.Schema())
    component = ImportSchema(schema)
    artifact = standard_artifacts.Schema()
    artifact.uri = str(tmp_path / "schema")
    Executor().Do({}, {"schema": [artifact]}, component.exec_properties)
    read = io_utils.parse_pbtxt_file(io_utils.get_only_uri_in_dir(artifact.uri), schema_pb2.Schema())
    assert read == schema


def test_another_schema_is_another_parameter():
    one, other = (ImportSchema(schema_pb2.Schema(default_environment=[name])) for name in "ab")
    assert one.exec_properties != other.exec_properties
    assert one.exec_properties == ImportSchema(schema_pb2.Schema(default_environment=["a"])).exec_properties
