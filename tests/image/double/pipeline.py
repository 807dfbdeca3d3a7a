"""The API server: takes a file, or refuses it, and makes a run of it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from double.errors import Refused

Json = dict[str, Any]

_TYPES = {
    "STRING": str,
    "NUMBER_INTEGER": (int, float),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": bool,
    "LIST": list,
    "STRUCT": dict,
}
# What of the second document the double does, and what means nothing without a cluster.
_PLATFORM = {"pvcMount", "imagePullPolicy"}


class Pipeline:
    """An uploaded file.

    Attributes:
        spec: Its first document.
        name: Of the pipeline.
        tasks: By name.

    Raises:
        Refused: As KFP refuses it, at upload or when a run is created.
    """

    def __init__(self, file: Path):
        self.spec, self._platform = _read(file)
        self.name = self.spec.get("pipelineInfo", {}).get("name", "")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,127}", self.name):
            raise Refused(f"pipeline name {self.name!r}")
        self.tasks: dict[str, Json] = self.spec["root"]["dag"]["tasks"]
        for name in self.tasks:
            self._check(name)

    def component(self, task: str) -> Json:
        return self.spec["components"][self.tasks[task]["componentRef"]["name"]]

    def container(self, task: str) -> Json:
        return self.spec["deploymentSpec"]["executors"][self.component(task)["executorLabel"]]["container"]

    def mounts(self, task: str) -> list[Json]:
        """Returns the volumes of a task: claim, mountPath and perhaps subPath of each."""
        executors = self._platform.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {})
        config = executors.get("executors", {}).get(self.component(task)["executorLabel"], {})
        if unknown := config.keys() - _PLATFORM:
            raise Refused(f"{task}: the double does not do {', '.join(sorted(unknown))}")
        return [
            {**mount, "claim": mount["pvcNameParameter"]["runtimeValue"]["constant"]}
            for mount in config.get("pvcMount", ())
        ]

    def parameters(self, given: Mapping[str, Any], run_id: str) -> Json:
        """Returns the values of a run's parameters.

        Macros are replaced in values that come with the run, and not in defaults, which are filled in later.

        Raises:
            Refused: One is missing, unknown, or of another type.
        """
        known = self.spec["root"].get("inputDefinitions", {}).get("parameters", {})
        if unknown := given.keys() - known.keys():
            raise Refused(f"parameter(s) {', '.join(sorted(unknown))} are not in the pipeline")
        values = {name: v.replace("[[RunUUID]]", run_id) if isinstance(v, str) else v for name, v in given.items()}
        for name, parameter in known.items():
            if name not in values and not parameter.get("isOptional") and "defaultValue" not in parameter:
                raise Refused(f"parameter {name} is required but not provided")
            if name in values and not is_of(values[name], parameter["parameterType"]):
                raise Refused(f"parameter {name} must be of type {parameter['parameterType']}")
            if name not in values and "defaultValue" in parameter:
                values[name] = parameter["defaultValue"]
        return values

    def _check(self, task: str) -> None:
        if not re.fullmatch(r"[a-zA-Z0-9][-a-zA-Z0-9]*", task):
            raise Refused(f"task name {task!r}")
        component = self.component(task)
        executor = self.spec["deploymentSpec"]["executors"][component["executorLabel"]]
        if "container" not in executor:
            # An importer would run on KFP, but none is made.
            raise Refused(f"{task}: non-container and non-importer executor not implemented: {', '.join(executor)}")
        if self.tasks[task].get("triggerPolicy", {}).get("condition") or "iterator" in str(self.tasks[task].keys()):
            raise Refused(f"{task}: the double runs neither conditions nor loops")
        if component.get("outputDefinitions", {}).get("parameters"):
            raise Refused(f"{task}: the double takes no output parameters")


def is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "BOOLEAN"
    return isinstance(value, _TYPES[kind])


def _read(file: Path) -> tuple[Json, Json]:
    """Returns both documents, having parsed them as the messages that they are."""
    documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    if not 1 <= len(documents) <= 2 or "pipelineSpec" in documents[0]:
        raise Refused("the file holds a pipelineSpec, and perhaps a platform spec, and nothing else")
    spec, platform = documents[0], documents[1] if len(documents) == 2 else {}
    if spec.get("schemaVersion") != "2.1.0":
        raise Refused(f"KFP only supports schema version 2.1.0, but the pipeline spec has {spec.get('schemaVersion')}")
    for document, message in (
        (spec, pipeline_spec_pb2.PipelineSpec),
        (spec.get("deploymentSpec", {}), pipeline_spec_pb2.PipelineDeploymentConfig),
        (platform, pipeline_spec_pb2.PlatformSpec),
    ):
        try:
            json_format.ParseDict(document, message())
        except json_format.ParseError as error:
            raise Refused(str(error)) from None
    return spec, platform
