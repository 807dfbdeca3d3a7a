"""The driver: what a step is handed, and whether it has been run before."""

import hashlib
import json
import posixpath
import uuid
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from double.errors import Refused
from double.metadata import Artifact
from double.pipeline import Pipeline, is_of
from double.store import local_path

Json = dict[str, Any]
Outputs = Mapping[str, Mapping[str, Artifact]]

LOGS = "executor-logs"


def hand_over(
    pipeline: Pipeline, task: str, parameters: Mapping[str, Any], outputs: Outputs, root: str, run_id: str
) -> Json:
    """Returns the ExecutorInput of a step, as `{{$}}` has it.

    Args:
        pipeline: The compiled pipeline.
        task: Name of the step.
        parameters: Of the run.
        outputs: Of the steps before, by their names.
        root: Of the run.
        run_id: What `{{$.pipeline_job_uuid}}` stands for.

    Raises:
        Refused: As the driver fails.
    """
    inputs: Json = {"parameterValues": _parameters(pipeline, task, parameters, run_id)}
    given = pipeline.tasks[task].get("inputs", {}).get("artifacts", {})
    if given:
        inputs["artifacts"] = {key: {"artifacts": [_produced(task, key, g, outputs)]} for key, g in given.items()}
    call = {"inputs": inputs, "outputs": _provision(pipeline, task, root)}
    # Through the message, as on KFP: whole numbers are numbers like all others.
    message = json_format.ParseDict(call, pipeline_spec_pb2.ExecutorInput())
    return json_format.MessageToDict(message)


def fingerprint(pipeline: Pipeline, task: str, call: Json) -> str:
    """Returns the key of KFP's cache; an empty string for a step that is to run in any case."""
    caching = pipeline.tasks[task].get("cachingOptions", {})
    if not caching.get("enableCache"):
        return ""
    if caching.get("cacheKey"):
        raise Refused(f"{task}: the double knows no cache keys of its own")
    container, inputs, outputs = pipeline.container(task), call["inputs"], call["outputs"]["artifacts"]
    key = {
        "inputs": {key: [a["name"] for a in found["artifacts"]] for key, found in inputs.get("artifacts", {}).items()},
        "parameters": inputs.get("parameterValues", {}),
        "outputs": {
            key: {name: value for name, value in found["artifacts"][0].items() if name != "uri"}
            for key, found in outputs.items()
        },
        "image": container["image"],
        "command": [*container.get("command", ()), *container.get("args", ())],
        "claims": sorted({mount["claim"] for mount in pipeline.mounts(task)}),
    }
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def _parameters(pipeline: Pipeline, task: str, of_run: Mapping[str, Any], run_id: str) -> Json:
    declared = pipeline.component(task).get("inputDefinitions", {}).get("parameters", {})
    values: Json = {}
    for key, source in pipeline.tasks[task].get("inputs", {}).get("parameters", {}).items():
        if "componentInputParameter" in source:
            if source["componentInputParameter"] not in of_run:
                raise Refused(f"{task}: parent DAG does not have input parameter {source['componentInputParameter']}")
            values[key] = of_run[source["componentInputParameter"]]
        elif "constant" in source.get("runtimeValue", {}):
            constant = source["runtimeValue"]["constant"]
            known = {"{{$.pipeline_job_uuid}}": run_id, "{{$.pipeline_task_name}}": task}
            values[key] = known.get(constant, constant) if isinstance(constant, str) else constant
        else:
            raise Refused(f"{task}: parameter {key}: the double does not resolve {', '.join(source)}")
    for key, kind in declared.items():
        if key not in values:
            if "defaultValue" not in kind and not kind.get("isOptional"):
                raise Refused(f"{task}: neither value nor default value provided for parameter {key}")
            if "defaultValue" in kind:
                values[key] = kind["defaultValue"]
            continue
        if kind["parameterType"] == "STRING" and not isinstance(values[key], str):
            values[key] = json.dumps(values[key])
        if not is_of(values[key], kind["parameterType"]):
            raise Refused(f"{task}: input parameter {key} type mismatch: expect {kind['parameterType']}")
    return values


def _produced(task: str, key: str, source: Json, outputs: Outputs) -> Json:
    if "taskOutputArtifact" not in source:
        raise Refused(f"{task}: input {key}: the double does not resolve {', '.join(source)}")
    produced = source["taskOutputArtifact"]
    found = outputs.get(produced["producerTask"], {}).get(produced["outputArtifactKey"])
    if found is None:
        raise Refused(f"{task}: cannot find output artifact of {produced['producerTask']} for {key}")
    return found.handed()


def _provision(pipeline: Pipeline, task: str, root: str) -> Json:
    """Returns a place of its own for each output (provisionOutputs)."""
    own = f"{root}/{task}/{uuid.uuid4()}"
    declared = pipeline.component(task).get("outputDefinitions", {}).get("artifacts", {})
    types = {key: found["artifactType"] for key, found in declared.items()}
    types[LOGS] = {"schemaTitle": "system.Artifact"}
    artifacts: Json = {}
    for key, type_ in types.items():
        # The launcher adds the number of the try.
        uri = f"{own}/{key}-0" if key == LOGS else f"{own}/{key}"
        metadata = declared.get(key, {}).get("metadata")
        artifact = {"name": key, "uri": uri, "type": type_, **({"metadata": metadata} if metadata else {})}
        artifacts[key] = {"artifacts": [artifact]}
    return {"artifacts": artifacts, "outputFile": posixpath.join(local_path(own) or "", "output_metadata.json")}
