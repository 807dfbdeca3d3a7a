"""What a step writes for KFP's launcher, which parses it strictly as ExecutorOutput."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from tfx import types
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as tfx_container

from pipeline.runners.step.folders import EMPTY_FOLDERS_PROPERTY, empty_folders
from pipeline.runners.step.mend import Json
from pipeline.runners.step.places import Places


def remember_folders(outputs: Mapping[str, list[types.Artifact]]) -> None:
    """Writes down the empty folders of artifacts, for the steps that read them."""
    for artifact in (artifact for artifacts in outputs.values() for artifact in artifacts):
        if found := empty_folders(Path(artifact.uri)):
            artifact.set_json_value_custom_property(EMPTY_FOLDERS_PROPERTY, found)


def executor_output(outputs: Mapping[str, list[types.Artifact]], names: Mapping[int, str], places: Places) -> Json:
    """Returns artifacts as ExecutorOutput.

    Args:
        outputs: One artifact by key.
        names: KFP's names of artifacts by TFX's numbers.
        places: Where the artifacts lie.
    """
    for artifact in (artifact for artifacts in outputs.values() for artifact in artifacts):
        plain_properties(artifact)
    translated = tfx_container.translate_executor_output(outputs, names)
    written = {key: json_format.MessageToDict(found) for key, found in translated.items()}
    return {"artifacts": with_uris(written, places)}


def plain_properties(artifact: types.Artifact) -> None:
    """Turns properties that are true or false into 1 or 0, and numbers that are none into text.

    TFX's writer knows no bools, and KFP would do the same. JSON has neither NaN nor infinity.
    """
    known = artifact.mlmd_artifact
    for value in (*known.properties.values(), *known.custom_properties.values()):
        if value.HasField("bool_value"):
            value.int_value = int(value.bool_value)
        elif not math.isfinite(value.double_value):
            value.string_value = str(value.double_value)


def with_uris(value: Any, places: Places) -> Any:
    """Returns a JSON value with URIs for local paths, also in lists and dicts: the next step sees other paths."""
    match value:
        case dict():
            return {key: with_uris(of_key, places) for key, of_key in value.items()}
        case list():
            return [with_uris(entry, places) for entry in value]
        case str():
            return places.uri(value)
    return value
