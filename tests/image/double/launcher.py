"""The launcher: downloads inputs, runs the command of a step in its container, uploads and records outputs."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from double import containers
from double.driver import LOGS
from double.errors import LauncherFailed, Refused
from double.metadata import Metadata
from double.store import Store, key_of, local_path

Json = dict[str, Any]

# Folders that KFP mounts into every container: its own, and none else's.
_SCRATCH = ("/gcs", "/s3", "/minio", "/.local", "/.cache", "/.config")


@dataclasses.dataclass
class Launched:
    """What came of a container.

    Attributes:
        exit_code: Of its command.
        log: What it printed.
        seconds: From making the container to reading its outputs.
        result: ExecutorOutput as it was written; None without one.
        files: Of each output by key, by relative path; None if there is nothing at its place.
    """

    exit_code: int
    log: str
    seconds: float
    result: str | None
    files: dict[str, dict[str, bytes] | None]


def launch(container: Json, call: Json, store: Store, volumes: Sequence[str], env: Mapping[str, str]) -> Launched:
    """Runs a step.

    Args:
        container: Of the compiled pipeline.
        call: ExecutorInput.
        store: Where inputs are.
        volumes: Of the platform spec, as Docker takes them.
        env: For tests that spoil a container; KFP sets nothing that a stage reads.

    Raises:
        LauncherFailed: Inputs cannot be downloaded.
        Refused: There can be no such container.
    """
    started = time.monotonic()
    image = container["image"]
    command = [_fill(word, call) for word in (*container["command"], *container.get("args", ()))]
    of_stage = {pair["name"]: pair.get("value", "") for pair in container.get("env", ())}
    with containers.created(image, command, {**of_stage, **env}, volumes) as made:
        made.write(_inputs(call, store, containers.user_of(image)))
        exit_code, log = made.run()
        written = made.read(call["outputs"]["outputFile"])
        result = written["."].decode() if written else None
        files = {}
        # What cannot be parsed has no outputs: `publish` then says so.
        with contextlib.suppress(LauncherFailed):
            for key, artifact in _outputs(call, _parse(result)) if exit_code == 0 else ():
                path = _path(artifact)
                files[key] = None if path is None else made.read(path)
    return Launched(exit_code, log, time.monotonic() - started, result, files)


def publish(done: Launched, call: Json, root: str, store: Store, metadata: Metadata) -> Json:
    """Uploads and records what a step made: all outputs, or only its log if it failed.

    Args:
        done: What came of the container.
        call: ExecutorInput.
        root: Of the run, outside which nothing is published.
        store: Where to.
        metadata: Where it is recorded.

    Returns:
        Artifacts by key.

    Raises:
        LauncherFailed: ExecutorOutput is not as it should be, or an output lies outside the run's root.
    """
    outputs = {LOGS: metadata.record(LOGS, call["outputs"]["artifacts"][LOGS]["artifacts"][0])}
    store.put(key_of(outputs[LOGS].uri), done.log.encode())
    if done.exit_code:
        return outputs
    for key, artifact in _outputs(call, _parse(done.result)):
        if _path(artifact) is not None:
            if not artifact["uri"].startswith(root):
                raise LauncherFailed(
                    f"failed to upload output artifact {key!r}: URI {artifact['uri']!r} does not have expected bucket"
                    f" prefix {root!r}"
                )
            for relative, data in (done.files[key] or {}).items():
                store.put(key_of(artifact["uri"]) + ("" if relative == "." else f"/{relative}"), data)
        outputs[key] = metadata.record(key, artifact)
    return outputs


def _inputs(call: Json, store: Store, user: tuple[int, int]) -> containers.Files:
    """Returns the files that a step finds: its inputs, and of its outputs the folders above them."""
    files = containers.Files(user)
    for folder in _SCRATCH:
        files.folder(Path(folder), 0o777)
    for key, artifact in _artifacts(call, "inputs"):
        path = _path(artifact)
        if path is None:
            continue  # "Does not have a recognized storage URI. Skipping downloading to local path."
        for relative, data in store.under(artifact["uri"]):
            try:
                files.file(Path(path, relative), data)
            except OSError as error:
                raise LauncherFailed(f"failed to download input artifact {key!r}: {error}") from None
    for key, artifact in _artifacts(call, "outputs"):
        if (path := _path(artifact)) is None:
            raise LauncherFailed(f"failed to generate local storage path for output artifact {key!r}")
        files.folder(Path(path).parent)
    return files


def _artifacts(call: Json, side: str) -> list[tuple[str, Json]]:
    found = call[side].get("artifacts", {})
    return [(key, artifact) for key in found for artifact in found[key].get("artifacts", ())]


def _path(artifact: Json) -> str | None:
    return artifact["customPath"] if artifact.get("customPath") else local_path(artifact["uri"])


def _outputs(call: Json, result: Json) -> list[tuple[str, Json]]:
    """Returns the outputs with what the step says of them (mergeRuntimeArtifacts): of each key the first artifact."""
    merged = []
    for key, artifact in _artifacts(call, "outputs"):
        told = result.get("artifacts", {}).get(key, {}).get("artifacts", [])
        if key == LOGS:
            continue
        if told:
            of_step = {name: told[0][name] for name in ("uri", "customPath") if told[0].get(name)}
            properties = {**artifact.get("metadata", {}), **told[0].get("metadata", {})}
            artifact = {**artifact, **of_step, "metadata": properties}
        merged.append((key, artifact))
    return merged


def _parse(text: str | None) -> Json:
    """Returns ExecutorOutput, read as strictly as Go does; no file is as good as an empty one."""
    if text is None:
        return {}
    try:
        found = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
        if not isinstance(found, dict):
            raise ValueError("no object")
        json_format.ParseDict(found, pipeline_spec_pb2.ExecutorOutput())
    except (ValueError, json_format.ParseError) as error:
        raise LauncherFailed(f"failed to unmarshall ExecutorOutput: {error}: {text[:500]}") from None
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _fill(word: str, call: Json) -> str:
    """Returns a word of the command with its placeholders replaced, `{{$}}` first and then all others (in it, too)."""
    if word.lstrip().startswith('{"IfPresent":'):
        raise Refused("the double does no IfPresent")
    filled = word.replace("{{$}}", json.dumps(call))
    for side in ("inputs", "outputs"):
        for key, artifact in _artifacts(call, side):
            filled = filled.replace(f"{{{{$.{side}.artifacts['{key}'].uri}}}}", artifact["uri"])
            filled = filled.replace(f"{{{{$.{side}.artifacts['{key}'].path}}}}", _path(artifact) or "")
    for key, value in call["inputs"].get("parameterValues", {}).items():
        text = value if isinstance(value, str) else json.dumps(value)
        filled = filled.replace(f"{{{{$.inputs.parameters['{key}']}}}}", text)
    return filled
