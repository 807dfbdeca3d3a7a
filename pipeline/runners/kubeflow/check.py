"""What servers of Kubeflow Pipelines (KFP) refuse, found before they do: at upload, when a run is created, or in it.

Read in KFP 2.17: backend/src/apiserver/template/v2_template.go (upload, and parameters of a run),
backend/src/v2/compiler (a run), backend/src/v2/driver (a step). Some of it is stricter than the server, which would let
a step fail later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

Json = dict[str, Any]

SCHEMA_VERSION = "2.1.0"
# Names of Argo's tasks and of pipelines.
_TASK_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_PIPELINE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
# Bytes of an upload, and of one argument of a Linux process with the zero at its end: KFP's launcher is given the whole
# component, and its inputs.
_MAX_SPEC = 32 * 2**20
_MAX_ARGUMENT = 128 * 2**10
# Of those, what a run adds for each artifact: where it lies (a key of S3 has up to 1 KiB), and its metadata. No stage
# writes texts into metadata that grow with the task.
_OF_ARTIFACT = 2 * 2**10
_KINDS: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}
# The driver knows them if they are all of a value; any other {{ is Argo's.
_PLACEHOLDER = re.compile(r"\{\{\$\.[a-z_]+\}\}")


def check(spec: Json, platform: Json | None = None) -> list[str]:
    """Returns what is wrong with a compiled pipeline, in sentences; none if KFP takes it.

    Args:
        spec: pipelineSpec, the first document of the file.
        platform: The second document, if there is one.
    """
    if problems := [*_form(spec, platform)]:
        return problems  # The rest relies on it.
    return [
        *_head(spec),
        *_parameters(spec),
        *(problem for name in _tasks(spec) for problem in _task(spec, name)),
        *_cycle(spec),
        *_kubernetes(spec, platform or {}),
    ]


def _tasks(spec: Json) -> Json:
    tasks: Json = spec["root"]["dag"]["tasks"]
    return tasks


def _form(spec: Json, platform: Json | None) -> Iterator[str]:
    """Reads all as the protos that KFP reads it as; strictly, where KFP lets unknown names in the deployment pass."""
    read = [
        ("pipelineSpec", spec, pipeline_spec_pb2.PipelineSpec),
        ("deploymentSpec", spec.get("deploymentSpec", {}), pipeline_spec_pb2.PipelineDeploymentConfig),
        ("platforms", platform or {}, pipeline_spec_pb2.PlatformSpec),
    ]
    for name, document, message in read:
        try:
            json_format.ParseDict(document, message())
        except json_format.ParseError as error:
            yield f"{name}: not what KFP reads: {error}"
    if not spec.get("root", {}).get("dag", {}).get("tasks"):
        yield "root: has no task"


def _head(spec: Json) -> Iterator[str]:
    if spec.get("schemaVersion") != SCHEMA_VERSION:
        yield f"schemaVersion: {spec.get('schemaVersion')}, and KFP only takes {SCHEMA_VERSION}"
    name = spec.get("pipelineInfo", {}).get("name", "")
    if not _PIPELINE_NAME.fullmatch(name):
        yield f"pipelineInfo.name: '{name}' must match {_PIPELINE_NAME.pattern}"
    if _size(spec) > _MAX_SPEC:
        yield f"all of it is larger than the {_MAX_SPEC >> 20} MiB that KFP takes"


def _parameters(spec: Json) -> Iterator[str]:
    """The server checks values of a run's parameters by their type, so defaults must be of theirs."""
    for name, parameter in spec["root"].get("inputDefinitions", {}).get("parameters", {}).items():
        kind, default = parameter.get("parameterType"), parameter.get("defaultValue")
        if kind not in _KINDS:
            yield f"parameter {name}: type {kind} is none of {', '.join(_KINDS)}"
        elif default is not None and type(default) not in _KINDS[kind]:
            yield f"parameter {name}: default {default!r} is not of type {kind}"


def _task(spec: Json, name: str) -> Iterator[str]:
    task, where = _tasks(spec)[name], f"task {name}"
    if not _TASK_NAME.fullmatch(name):
        yield f"{where}: Argo takes names that match {_TASK_NAME.pattern}"
    component_name = task.get("componentRef", {}).get("name", "")
    component = spec.get("components", {}).get(component_name)
    if component is None or component_name == "root":
        yield f"{where}: there is no component '{component_name}'"
        return
    label = component.get("executorLabel")
    executor = spec.get("deploymentSpec", {}).get("executors", {}).get(label)
    if executor is None:
        yield f"{where}: there is no executor '{label}'"
    elif "container" not in executor and "importer" not in executor:
        yield f"{where}: KFP runs containers and importers, and this is {' and '.join(executor) or 'nothing'}"
    else:
        yield from _container(where, executor.get("container", {}))
    yield from _inputs(spec, name, component)
    constants = {
        key: value.get("runtimeValue", {}).get("constant") for key, value in _given(task, "parameters").items()
    }
    artifacts = [
        side for io in ("input", "output") for side in component.get(f"{io}Definitions", {}).get("artifacts", ())
    ]
    if _size([component, constants]) + _OF_ARTIFACT * len(artifacts) >= _MAX_ARGUMENT:
        length, longest = max(((_size(value), key) for key, value in constants.items()), default=(0, "none"))
        yield (
            f"{where}: component, parameters and {len(artifacts)} artifacts are larger than an argument of a process,"
            f" {_MAX_ARGUMENT >> 10} KiB; the longest parameter is {longest}, of {length >> 10} KiB"
        )


def _size(found: Any) -> int:
    """Returns how many bytes something is in JSON."""
    return len(json.dumps(found, ensure_ascii=False).encode())


def _container(where: str, container: Json) -> Iterator[str]:
    if not container.get("image", "x"):
        yield f"{where}: no image"
    if container.get("lifecycle"):
        yield f"{where}: KFP never runs what stands under lifecycle"
    for argument in container.get("args", ()):
        if len(argument.encode()) >= _MAX_ARGUMENT:
            yield f"{where}: an argument is longer than {_MAX_ARGUMENT >> 10} KiB"


def _inputs(spec: Json, name: str, component: Json) -> Iterator[str]:
    """The driver resolves each input from the run, from a task before, or from a constant."""
    task, where, tasks = _tasks(spec)[name], f"task {name}", _tasks(spec)
    waits_for = task.get("dependentTasks", [])
    yield from (f"{where}: waits for '{other}', which is no task" for other in waits_for if other not in tasks)
    of_run = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    parameters, declared = _given(task, "parameters"), component.get("inputDefinitions", {})
    for key, type_ in declared.get("parameters", {}).items():
        if key not in parameters and not type_.get("isOptional") and "defaultValue" not in type_:
            yield f"{where}: parameter {key} is given no value"
    for key, value in parameters.items():
        if key not in declared.get("parameters", {}):
            yield f"{where}: its component has no parameter {key}"
        if (asked := value.get("componentInputParameter")) is not None and asked not in of_run:
            yield f"{where}: parameter {key}: the run has no parameter {asked}"
        if produced := value.get("taskOutputParameter"):
            yield from _produced(spec, f"{where}: parameter {key}", waits_for, produced, "parameters")
        constant = value.get("runtimeValue", {}).get("constant")
        if isinstance(constant, str) and "{{" in constant and not _PLACEHOLDER.fullmatch(constant):
            yield f"{where}: parameter {key}: Argo would read what stands after {{{{"
    artifacts = _given(task, "artifacts")
    for key in declared.get("artifacts", {}).keys() ^ artifacts.keys():
        yield f"{where}: input {key} is declared or given, and not both"
    for key, value in artifacts.items():
        produced = value.get("taskOutputArtifact", {})
        yield from _produced(spec, f"{where}: input {key}", waits_for, produced, "artifacts")


def _given(task: Json, kind: str) -> Json:
    given: Json = task.get("inputs", {}).get(kind, {})
    return given


def _produced(spec: Json, where: str, waits_for: list[str], produced: Json, kind: str) -> Iterator[str]:
    producer, output = produced.get("producerTask", ""), f"output{kind[:-1].capitalize()}Key"
    task = _tasks(spec).get(producer)
    if task is None:
        yield f"{where}: comes from '{producer}', which is no task"
        return
    if producer not in waits_for:
        yield f"{where}: comes from {producer}, for which the task does not wait"
    outputs = spec["components"].get(task["componentRef"]["name"], {}).get("outputDefinitions", {}).get(kind, {})
    if produced.get(output) not in outputs:
        yield f"{where}: {producer} has no output '{produced.get(output)}'"


def _cycle(spec: Json) -> Iterator[str]:
    waiting = {name: set(task.get("dependentTasks", ())) & set(_tasks(spec)) for name, task in _tasks(spec).items()}
    while ready := [name for name, others in waiting.items() if not others & set(waiting)]:
        for name in ready:
            del waiting[name]
    if waiting:
        yield f"tasks wait for each other: {', '.join(sorted(waiting))}"


def _kubernetes(spec: Json, platform: Json) -> Iterator[str]:
    """What the driver makes of the second document, which nobody looks at before."""
    known = spec.get("deploymentSpec", {}).get("executors", {})
    kubernetes = platform.get("platforms", {}).get("kubernetes", {})
    if platform and not kubernetes:
        yield "platforms: KFP takes the second document only for platform kubernetes"
    for label, config in kubernetes.get("deploymentSpec", {}).get("executors", {}).items():
        where = f"platforms.kubernetes: {label}"
        if label not in known:
            yield f"{where}: there is no such executor"
        if config.get("imagePullPolicy", "Always") not in _PULL_POLICIES:
            yield f"{where}: imagePullPolicy {config['imagePullPolicy']} is none of {', '.join(_PULL_POLICIES)}"
        claims = [mount.get("constant") for mount in config.get("pvcMount", ())]
        # The driver makes a volume of each, and calls it by the claim.
        yield from (f"{where}: claim {claim} is mounted twice" for claim in set(claims) if claims.count(claim) > 1)
