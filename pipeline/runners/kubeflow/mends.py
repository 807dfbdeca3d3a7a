"""What TFX's compiler writes, put right for open-source Kubeflow Pipelines (KFP): plain data in, plain data out.

Names are those of KFP's pipeline_spec.proto in JSON. Each function returns a new specification.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pipeline.profiles.profile import Profile, Stage, amount
from pipeline.runners.kubeflow.names import CODE
from pipeline.runners.kubeflow.parameters import DESCRIPTIONS, Value

Json = dict[str, Any]

_CODE = "--compiled_by_code"
_INPUTS_SPEC = "--json_serialized_inputs_spec_args"
_OUTPUTS_SPEC = "--json_serialized_outputs_spec_args"
_LONGEST_BACKOFF = "3600s"


def tasks_of(spec: Json) -> dict[str, Json]:
    """Returns the tasks of a specification by name."""
    tasks: dict[str, Json] = spec["root"]["dag"]["tasks"]
    return tasks


def containers(spec: Json) -> Iterator[tuple[str, Json, Json]]:
    """Yields name, component and container of every task; TFX gives each a component of its own."""
    for name, task in tasks_of(spec).items():
        component = spec["components"][task["componentRef"]["name"]]
        yield name, component, spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]


def give_defaults(spec: Json, values: Mapping[str, Value]) -> Json:
    """Adds the values of parameters, none of which a run need give, and what they are for: TFX leaves both out."""
    mended = copy.deepcopy(spec)
    parameters = mended["root"]["inputDefinitions"]["parameters"]
    for name, parameter in parameters.items():
        parameter["description"] = DESCRIPTIONS[name]
        parameter["defaultValue"] = values[name]
    return mended


def give_code(spec: Json) -> Json:
    """Gives every stage the fingerprint of the code as a parameter: KFP's cache knows an image by its name alone."""
    mended = copy.deepcopy(spec)
    mended["root"]["inputDefinitions"]["parameters"][CODE] = {"parameterType": "STRING"}
    for task in tasks_of(mended).values():
        task.setdefault("inputs", {}).setdefault("parameters", {})[CODE] = {"componentInputParameter": CODE}
    for _, component, _ in containers(mended):
        inputs = component.setdefault("inputDefinitions", {}).setdefault("parameters", {})
        inputs[CODE] = {"parameterType": "STRING"}
    return mended


def tell_containers(spec: Json, code: str) -> Json:
    """Tells containers their inputs as they are now, their outputs, as KFP adds one that no stage has, and the code.

    Args:
        spec: As it is.
        code: Fingerprint of the code that compiles: containers of an image with other code refuse to run.
    """
    mended = copy.deepcopy(spec)
    for _, component, container in containers(mended):
        arguments = container["args"]
        at = arguments.index(_INPUTS_SPEC) + 1
        arguments[at : at + 1] = [
            _compact(component.get("inputDefinitions", {})),
            _OUTPUTS_SPEC,
            _compact(component.get("outputDefinitions", {})),
            _CODE,
            code,
        ]
    return mended


def never_reuse(spec: Json, stages: Collection[str]) -> Json:
    """Lets stages run in every run; TFX knows only all or none."""
    mended = copy.deepcopy(spec)
    for name, task in tasks_of(mended).items():
        if name in stages:
            task.pop("cachingOptions", None)
    return mended


def give_resources(spec: Json, profile: Profile) -> Json:
    """Gives stages their retries, resources and environment: TFX passes none of them on.

    Cores and bytes are numbers, in the fields that every KFP from 2.0 on and Vertex read.
    """
    mended = copy.deepcopy(spec)
    for name, _, container in containers(mended):
        stage = profile.of(name)
        if resources := _resources(stage):
            container["resources"] = resources
        if stage.env:
            container["env"] = [{"name": variable, "value": value} for variable, value in sorted(stage.env.items())]
        if stage.retries:
            tasks_of(mended)[name]["retryPolicy"] = {
                "maxRetryCount": stage.retries,
                "backoffDuration": f"{stage.backoff}s",
                "backoffFactor": 2.0,
                "backoffMaxDuration": _LONGEST_BACKOFF,
            }
    return mended


def _resources(stage: Stage) -> Json:
    numbers = {
        "cpuLimit": stage.cpu and amount(stage.cpu),
        "cpuRequest": stage.cpu_request and amount(stage.cpu_request),
        "memoryLimit": stage.memory and amount(stage.memory) / 1e9,
        "memoryRequest": stage.memory_request and amount(stage.memory_request) / 1e9,
    }
    resources: Json = {name: value for name, value in numbers.items() if value is not None}
    if stage.accelerator:
        resources["accelerator"] = {"type": stage.accelerator.type, "count": stage.accelerator.count}
    return resources


def platform(spec: Json, profile: Profile) -> Json | None:
    """Returns what only Kubernetes can give, as KFP takes it in a second document; None if that is nothing.

    Its form is that of the package kfp-kubernetes, KubernetesExecutorConfig of kubernetes_executor_config.proto.
    """
    executors = {
        component["executorLabel"]: config
        for name, component, _ in containers(spec)
        if (config := _kubernetes(profile.of(name)))
    }
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}} if executors else None


def _kubernetes(stage: Stage) -> Json:
    config: Json = {
        "imagePullPolicy": stage.pull_policy,
        "imagePullSecret": [
            {"secretName": name, "secretNameParameter": _constant(name)} for name in stage.pull_secrets
        ],
        "nodeSelector": stage.node_selector and {"labels": dict(stage.node_selector)},
        "pvcMount": [
            {
                # Servers before 2.5 read the first of the two.
                "constant": volume.claim,
                "pvcNameParameter": _constant(volume.claim),
                "mountPath": volume.path,
                **({"subPath": volume.sub_path} if volume.sub_path else {}),
            }
            for volume in stage.volumes
        ],
        "secretAsEnv": [
            {
                "secretName": secret.name,
                "secretNameParameter": _constant(secret.name),
                "keyToEnv": [{"secretKey": key, "envVar": variable} for variable, key in sorted(secret.env.items())],
            }
            for secret in stage.secrets
        ],
    }
    return {key: value for key, value in config.items() if value}


def _constant(value: str) -> Json:
    return {"runtimeValue": {"constant": value}}


def _compact(found: Any) -> str:
    return json.dumps(found, sort_keys=True, separators=(",", ":"))
