"""Baseline: hands on the last blessed model, the same way on every runner.

TFX's resolver nodes do not run on open-source Kubeflow Pipelines, and a container can publish only what lies under its
own run's root: so the served version is copied.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import path_utils

# Of the artifact: the served version that it is a copy of.
VERSION_PROPERTY = "version"


class Executor(base_executor.BaseExecutor):
    """Copies a served version."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Leaves the output empty at a cold start: the Evaluator then has only the candidate."""
        model = artifact_utils.get_single_instance(output_dict["model"])
        model.set_string_custom_property(VERSION_PROPERTY, exec_properties["version"])
        folder = Path(model.uri)
        folder.mkdir(parents=True, exist_ok=True)
        if exec_properties["version"]:
            shutil.copytree(exec_properties["version"], path_utils.serving_model_path(str(folder)))


class BaselineSpec(types.ComponentSpec):
    """Version folder in, model out."""

    PARAMETERS = {"version": ExecutionParameter(type=str), "identity": ExecutionParameter(type=str)}
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}


class Baseline(base_component.BaseComponent):
    """Provides the model to compare with.

    Args:
        version: Folder of the served version, or an empty string at a cold start.
        identity: Changes with the model in that folder, so that the cache knows it.
    """

    SPEC_CLASS = BaselineSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, version: str, identity: str):
        model = types.Channel(type=standard_artifacts.Model)
        super().__init__(BaselineSpec(version=version, identity=identity, model=model))
