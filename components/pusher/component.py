"""Pusher: a blessed model becomes the next served version; any other model stays where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import path_utils

from components.evaluator.component import BLESSED_PROPERTY
from components.pusher import serving

PUSHED_PROPERTY = "pushed"
DESTINATION_PROPERTY = "pushed_destination"


class Executor(base_executor.BaseExecutor):
    """Pushes what is blessed."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies the model into the serving folder if the verdict allows it."""
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing = artifact_utils.get_single_instance(input_dict["blessing"])
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if blessing.get_int_custom_property(BLESSED_PROPERTY) != 1:
            pushed.set_int_custom_property(PUSHED_PROPERTY, 0)
            return
        destination = serving.push(
            Path(path_utils.serving_model_path(model.uri)),
            Path(exec_properties["serving"]),
            source=model.uri,
            training=exec_properties["training"],
            baseline=exec_properties["baseline"] or None,
        )
        pushed.set_int_custom_property(PUSHED_PROPERTY, 1)
        pushed.set_string_custom_property(DESTINATION_PROPERTY, str(destination))


class PusherSpec(types.ComponentSpec):
    """Model and verdict in, pushed model out."""

    PARAMETERS = {
        "serving": ExecutionParameter(type=str),
        "training": ExecutionParameter(type=str),
        "baseline": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }
    OUTPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}


class Pusher(base_component.BaseComponent):
    """Pushes to a folder.

    Args:
        model: The trained model.
        blessing: The verdict.
        serving: Serving folder.
        training: Digest of what made the model.
        baseline: Version folder it was judged against, or an empty string.
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, model: types.BaseChannel, blessing: types.BaseChannel, serving: str, training: str, baseline: str
    ):
        super().__init__(
            PusherSpec(
                model=model,
                blessing=blessing,
                serving=serving,
                training=training,
                baseline=baseline,
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
