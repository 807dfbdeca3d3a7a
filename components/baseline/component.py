"""Baseline: hands on the last blessed model, the same way on every runner.

TFX's resolver nodes do not run on open-source Kubeflow Pipelines, and a container can publish only what lies under its
own run's root: so the served version is copied.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import path_utils

from components import object_store
from components.baseline.choice import Choice, asked_for_none, choose, no_serving_folder
from components.baseline.decision import VERSION_PROPERTY, write_decision
from components.example_gen.state import DATA_PROPERTY
from components.pusher import disk, stores
from components.pusher.history import revocation
from schema.errors import DataError


class Executor(base_executor.BaseExecutor):
    """Copies a served version."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Leaves the output empty at a cold start: the Evaluator then has only the candidate.

        Raises:
            DataError: The model is to be chosen here, and the pointer is half written or names a version that is gone,
                or the serving folder is an object store that cannot be reached, no absolute path, or one that cannot be
                written.
        """
        model = artifact_utils.get_single_instance(output_dict["model"])
        Path(model.uri).mkdir(parents=True, exist_ok=True)
        target, version = Path(path_utils.serving_model_path(model.uri)), exec_properties["version"]
        if exec_properties["recipe"]:
            examples = artifact_utils.get_single_instance(input_dict["examples"])
            data = examples.get_string_custom_property(DATA_PROPERTY)
            decision = _decide(exec_properties, data, target)
            write_decision(model, decision)
            version = decision["baseline"]
        elif version:
            shutil.copytree(version, target)
        model.set_string_custom_property(VERSION_PROPERTY, version)


def _decide(given: dict[str, Any], data: str, target: Path) -> dict[str, Any]:
    """Fetches the model that the pointer names; returns parameters of Report and Pusher."""
    training, serving, reason = f"{given['recipe']}-{data}", given["serving"], given["no_baseline"]
    name, revoked = "", ""
    choice: Choice = asked_for_none(reason) if reason else no_serving_folder()
    if serving:
        if not object_store.is_uri(serving):
            _check_folder(serving)
        with stores.opened(serving) as store:
            if not reason:
                choice = choose(store)
            if choice.version is not None:
                name = store.name(choice.version)
                store.fetch(choice.version, target)
            if given["warm_start"]:
                training += f"-{_identity(target)}"
            revoked = revocation(store.folder, training)
    return {
        "baseline": name,
        "no_baseline": choice.why_none,
        "revoked": revoked,
        "training": training,
        "data_fingerprint": data,
        "replace_pointer": int(bool(reason)),
    }


def _check_folder(serving: str) -> None:
    """Looks whether the Pusher could write there: now, and not when all is trained and judged.

    It is of the same user, and has the same volumes.

    Raises:
        DataError: It could not.
    """
    if not Path(serving).is_absolute():
        raise DataError(f"serving: '{serving}' is neither an absolute path nor a URI; give one, or nothing")
    if there := disk.in_the_way(Path(serving)):
        raise DataError(
            f"serving: {serving}: nothing could be pushed there, as user {os.getuid()} of group {os.getgid()} cannot"
            f" write {there}; mount the volume of the served models for Baseline and Pusher, and let that user write it"
        )


def _identity(model: Path) -> str:
    """Returns a digest of a model, for trainings that begin from it; an empty string if there is none."""
    if not model.exists():
        return ""
    file = model / "fingerprint.pb"
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise DataError(f"{file}: the last blessed model is not whole ({error.strerror}); give no_baseline") from None


class BaselineSpec(types.ComponentSpec):
    """Serving folder, or a version of it, in; model out."""

    PARAMETERS = {
        "version": ExecutionParameter(type=str),
        "identity": ExecutionParameter(type=str),
        "recipe": ExecutionParameter(type=str),
        "serving": ExecutionParameter(type=str),
        "no_baseline": ExecutionParameter(type=str),
        "warm_start": ExecutionParameter(type=int),
    }
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}


class Baseline(base_component.BaseComponent):
    """Provides the model to compare with.

    Args:
        examples: ExampleGen's output, which knows what the data were.
        version: Folder of the served version, or an empty string at a cold start.
        identity: Changes with the model in that folder, so that the cache knows it.
        recipe: Digest of all that makes the model but the data, if the version is to be chosen at run time by the
            pointer in `serving`; then the stage must not be cached. Else an empty string.
        serving: The serving folder to look into: a path, a URI of an object store, or an empty string for none.
        no_baseline: Why not to compare, if the run asks for it; else an empty string.
        warm_start: Whether the training begins from the version, and is another one from another.
    """

    SPEC_CLASS = BaselineSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        version: str = "",
        identity: str = "",
        recipe: str = "",
        serving: str | RuntimeParameter = "",
        no_baseline: str | RuntimeParameter = "",
        warm_start: bool = False,
    ):
        super().__init__(
            BaselineSpec(
                examples=examples,
                version=version,
                identity=identity,
                recipe=recipe,
                serving=serving,
                no_baseline=no_baseline,
                warm_start=int(warm_start),
                model=types.Channel(type=standard_artifacts.Model),
            )
        )
