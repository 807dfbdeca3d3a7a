"""ImportSchema: hands on the schema that the task's files make together, the same way on every runner.

TFX's ImportSchemaGen copies a file, and its cache knows the path alone; here the schema is a parameter, so that what
the pipeline works with may say more than the file (see `schema.contract`) and a change makes the cache miss.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from schema.columns import SCHEMA_FILE


class Executor(base_executor.BaseExecutor):
    """Writes the schema."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes schema.pbtxt into the artifact."""
        folder = Path(artifact_utils.get_single_uri(output_dict["schema"]))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SCHEMA_FILE).write_text(exec_properties["text"], encoding="utf-8")


class ImportSchemaSpec(types.ComponentSpec):
    """Text in, schema out."""

    PARAMETERS = {"text": ExecutionParameter(type=str)}
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"schema": ChannelParameter(type=standard_artifacts.Schema)}


class ImportSchema(base_component.BaseComponent):
    """Provides the schema.

    Args:
        schema: What the examples look like.
    """

    SPEC_CLASS = ImportSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, schema: schema_pb2.Schema):
        text = text_format.MessageToString(schema, as_utf8=True)
        super().__init__(ImportSchemaSpec(text=text, schema=types.Channel(type=standard_artifacts.Schema)))
