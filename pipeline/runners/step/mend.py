"""Puts right what KFP's launcher hands over, so that TFX can read it: JSON in, JSON out.

The JSON is an ExecutorInput of KFP's pipeline_spec.proto: artifacts and parameters of one step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.runners.step.places import local_path
from schema.errors import StepError

Json = dict[str, Any]
_Change = Callable[[str, Json], Json]


@dataclasses.dataclass(frozen=True)
class Declared:
    """What the compiled pipeline says of a step.

    Attributes:
        inputs: Types of its input artifacts by key.
        outputs: Types of its output artifacts by key; None if the compiler did not pass them on, as TFX's does not.
    """

    inputs: Mapping[str, Json]
    outputs: Mapping[str, Json] | None

    @classmethod
    def of(cls, inputs: Json, outputs: Json | None) -> Declared:
        """Returns what ComponentInputsSpec and ComponentOutputsSpec of the compiled pipeline declare."""
        return cls(_types(inputs), None if outputs is None else _types(outputs))


def artifacts_of(call: Json) -> Iterator[tuple[str, Json]]:
    """Yields key and artifact of all inputs and outputs."""
    for side in ("inputs", "outputs"):
        for key, found in call.get(side, {}).get("artifacts", {}).items():
            for artifact in found.get("artifacts", ()):
                yield key, artifact


def drop_undeclared(call: Json, declared: Declared) -> Json:
    """Drops outputs that the step does not have: KFP adds `executor-logs`, whose type TFX cannot import.

    The launcher itself writes what a step prints into it.
    """

    def is_kept(key: str, found: Json) -> bool:
        if declared.outputs is not None:
            return key in declared.outputs
        types = [artifact.get("type", {}) for artifact in found.get("artifacts", ())]
        return not any(of_artifact.get("schemaTitle", "").startswith("system.") for of_artifact in types)

    outputs = call.get("outputs", {})
    kept = {key: found for key, found in outputs.get("artifacts", {}).items() if is_kept(key, found)}
    return {**call, "outputs": {**outputs, "artifacts": kept}}


def give_types(call: Json, declared: Declared) -> Json:
    """Gives inputs the types that the pipeline declares: KFP hands over an empty one (`kfp.local` a useless one).

    Raises:
        StepError: An input has no type, and none is declared.
    """

    def typed(key: str, artifact: Json) -> Json:
        if key in declared.inputs:
            return {**artifact, "type": declared.inputs[key]}
        if not any(artifact.get("type", {}).values()):
            raise StepError(
                f"input {key}: {artifact.get('uri')}: KFP tells no type and --json_serialized_inputs_spec_args none;"
                " compile the pipeline again by `multihead compile`"
            )
        return artifact

    return _changed(call, "inputs", typed)


def give_paths(call: Json, declared: Declared) -> Json:
    """Puts local paths in place of URIs: the launcher has downloaded inputs, and will upload outputs from there.

    Raises:
        StepError: An artifact lies where no launcher puts anything.
    """

    def local(key: str, artifact: Json) -> Json:
        return {**artifact, "uri": local_path(key, artifact)}

    return _changed(_changed(call, "inputs", local), "outputs", local)


def unwrap_metadata(call: Json, declared: Declared) -> Json:
    """Takes lists and dicts out of the wrapping in which KFP keeps them in ML Metadata and leaves them."""

    def unwrapped(value: Any) -> Any:
        for name, kind in (("list", list), ("struct", dict)):
            if isinstance(value, dict) and value.keys() == {name} and isinstance(value[name], kind):
                return value[name]
        return value

    def change(key: str, artifact: Json) -> Json:
        metadata = {name: unwrapped(value) for name, value in artifact.get("metadata", {}).items()}
        return {**artifact, "metadata": metadata}

    return _changed(call, "inputs", change)


# In this order: what is dropped need not be mended.
MENDS: dict[str, Callable[[Json, Declared], Json]] = {
    "undeclared outputs": drop_undeclared,
    "types": give_types,
    "paths": give_paths,
    "metadata": unwrap_metadata,
}


def mend(call: Json, declared: Declared) -> Json:
    """Returns what the launcher handed over as TFX reads it.

    Args:
        call: ExecutorInput.
        declared: What the compiled pipeline says of the step.

    Raises:
        StepError: It cannot be mended.
    """
    for put_right in MENDS.values():
        call = put_right(call, declared)
    return call


def _changed(call: Json, side: str, change: _Change) -> Json:
    """Returns the call with every artifact of inputs or outputs changed."""
    of_side = call.get(side, {})
    artifacts = {
        key: {**found, "artifacts": [change(key, artifact) for artifact in found.get("artifacts", ())]}
        for key, found in of_side.get("artifacts", {}).items()
    }
    return {**call, side: {**of_side, "artifacts": artifacts}}


def _types(spec: Json) -> dict[str, Json]:
    return {key: found.get("artifactType", {}) for key, found in spec.get("artifacts", {}).items()}
