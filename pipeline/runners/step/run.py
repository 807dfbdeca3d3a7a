"""Runs one stage in a container: TFX's executor, between what KFP's launcher hands over and what it reads."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx import types
from tfx.dsl.components.base import base_beam_executor, base_executor
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as tfx_container
from tfx.orchestration.portable import outputs_utils
from tfx.utils import import_utils

from pipeline import fingerprint
from pipeline.runners.step import result
from pipeline.runners.step.folders import EMPTY_FOLDERS_PROPERTY, restore
from pipeline.runners.step.mend import Declared, Json, artifacts_of, mend
from pipeline.runners.step.places import Places
from pipeline.runners.step.refusal import refused
from schema.errors import ModelRefused, StepError


def run(arguments: Sequence[str]) -> None:
    """Runs the stage that TFX's compiler describes on the command line.

    Args:
        arguments: `--executor_class_path`, then what is handed over and declared as JSON, then Beam options.

    Raises:
        StepError: What is handed over cannot be mended, an input is lost, or the pipeline was compiled by other code.
        ModelRefused: The stage was to push a model that is not blessed; its result is written all the same.
        UserError: As the stage itself raises it.
    """
    options, beam_options = _parser().parse_known_args(arguments)
    _check_code(options.compiled_by_code)
    handed = _json("--json_serialized_invocation_args", options.json_serialized_invocation_args)
    inputs_spec = _json("--json_serialized_inputs_spec_args", options.json_serialized_inputs_spec_args)
    outputs_spec = options.json_serialized_outputs_spec_args
    declared = Declared.of(
        inputs_spec, _json("--json_serialized_outputs_spec_args", outputs_spec) if outputs_spec else None
    )
    call = mend(handed, declared)

    executor_input = pipeline_spec_pb2.ExecutorInput()
    json_format.ParseDict(call, executor_input, ignore_unknown_fields=True)
    names: dict[int, str] = {}
    inputs = tfx_container.parse_raw_artifact_dict(executor_input.inputs.artifacts, names)
    outputs = tfx_container.parse_raw_artifact_dict(executor_input.outputs.artifacts, names)
    places = Places(artifacts_of(handed))
    for key, artifact in ((key, artifact) for key, artifacts in inputs.items() for artifact in artifacts):
        lost = artifact.get_json_value_custom_property(EMPTY_FOLDERS_PROPERTY) or ()
        restore(Path(artifact.uri), lost, key, places.uri(artifact.uri))
    outputs_utils.make_output_dirs(outputs)

    # Integers come as floats; the declared types make them whole again.
    properties = tfx_container.parse_execution_properties(
        executor_input.inputs.parameter_values,
        executor_input.inputs.parameters,
        json_format.ParseDict(inputs_spec, pipeline_spec_pb2.ComponentInputsSpec(), ignore_unknown_fields=True),
    )
    output_file = Path(executor_input.outputs.output_file)
    executor = _executor(options.executor_class_path, beam_options, output_file.parent)
    logging.info(
        "%s: inputs %s, outputs %s, parameters %s",
        options.executor_class_path,
        _uris(inputs),
        _uris(outputs),
        sorted(properties),
    )
    executor.Do(inputs, outputs, properties)

    outputs_utils.tag_output_artifacts_with_version(outputs)
    result.remember_folders(outputs)
    _write(output_file, result.executor_output(outputs, names, places))
    if why := refused(inputs, outputs):
        raise ModelRefused(why)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.runners.step",
        description="Run one stage in a container of Kubeflow Pipelines. `multihead compile` writes the arguments.",
        epilog="Everything else is handed on to Beam.",
        allow_abbrev=False,  # Beam's options are its own.
    )
    parser.add_argument("--executor_class_path", required=True, help="Where TFX's executor is, such as package.Class.")
    parser.add_argument("--json_serialized_invocation_args", required=True, help="ExecutorInput of this step.")
    parser.add_argument("--json_serialized_inputs_spec_args", required=True, help="ComponentInputsSpec of the stage.")
    parser.add_argument("--json_serialized_outputs_spec_args", help="ComponentOutputsSpec of the stage.")
    parser.add_argument("--compiled_by_code", help="Fingerprint of the code that compiled the pipeline.")
    return parser


def _check_code(compiled_by: str | None) -> None:
    """Looks whether the image has the code that compiled the pipeline, which decided on stages and their parameters.

    Raises:
        StepError: It has not.
    """
    if compiled_by and compiled_by != (own := fingerprint.sources()):
        raise StepError(
            f"the image has other code ({own}) than the pipeline was compiled by ({compiled_by}): compile it in the"
            " checkout that the image was built from, or build the image in the one that compiles"
        )


def _json(option: str, text: str) -> Json:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise StepError(f"{option}: is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise StepError(f"{option}: is not a JSON object")
    return found


def _executor(path: str, beam_options: list[str], folder: Path) -> base_executor.BaseExecutor:
    """Returns TFX's executor.

    Args:
        path: Its class.
        beam_options: Options for Beam.
        folder: Of this very step, beside its outputs; nothing else in it is uploaded.
    """
    executor_class: Any = import_utils.import_class_by_path(path)
    unique, temporary = folder.name, str(folder / ".temp")
    if issubclass(executor_class, base_beam_executor.BaseBeamExecutor):
        context = base_beam_executor.BaseBeamExecutor.Context(beam_options, unique_id=unique, tmp_dir=temporary)
    else:
        context = base_executor.BaseExecutor.Context(beam_options, unique_id=unique, tmp_dir=temporary)
    return executor_class(context)


def _uris(artifacts: Mapping[str, list[types.Artifact]]) -> dict[str, list[str]]:
    return {key: [artifact.uri for artifact in found] for key, found in artifacts.items()}


def _write(file: Path, output: Json) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(output, allow_nan=False), encoding="utf-8")
