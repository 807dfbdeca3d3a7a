"""Canary: a model is loaded and asked before it is judged, in a process that it may take down.

What TFX's InfraValidator does, without Docker.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import path_utils

from components.canary import process
from components.exported import WARMUP_FILE
from schema.names import TEST

CANARY_FILE = "canary.json"


class CanaryFindings(types.Artifact):
    """canary.json, what the model answered; and requests by which TensorFlow Serving warms it up."""

    TYPE_NAME = "components.CanaryFindings"


class Executor(base_executor.BaseExecutor):
    """Asks the model."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes what was found; a bad model is for the verdict to refuse."""
        folder = Path(artifact_utils.get_single_uri(output_dict["canary"]))
        folder.mkdir(parents=True, exist_ok=True)
        model = Path(path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["model"])))
        found = process.ask(
            model, artifact_utils.get_split_uri(input_dict["examples"], TEST), (folder / WARMUP_FILE).resolve()
        )
        (folder / CANARY_FILE).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


class CanarySpec(types.ComponentSpec):
    """Model and raw examples in, findings out."""

    PARAMETERS = {"fingerprint": ExecutionParameter(type=str)}
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {"canary": ChannelParameter(type=CanaryFindings)}


class Canary(base_component.BaseComponent):
    """Loads a model in a fresh process and asks it, through every signature.

    Args:
        examples: Raw ones; some rows of `test` are asked about.
        model: The Trainer's.
        fingerprint: Of the code.
    """

    SPEC_CLASS = CanarySpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, examples: types.BaseChannel, model: types.BaseChannel, fingerprint: str):
        super().__init__(
            CanarySpec(
                examples=examples, model=model, fingerprint=fingerprint, canary=types.Channel(type=CanaryFindings)
            )
        )
