"""From options to a compiled pipeline, and `multihead compile`: its files.

Loads without TFX, which takes long to say that an option is wrong.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.profiles.profile import Profile
from pipeline.quiet import output_to
from pipeline.runners.kubeflow.names import DATA, is_pinned
from schema.contract import Contract
from schema.errors import UserError

if TYPE_CHECKING:
    from pipeline.runners.kubeflow.compile import Compiled

# Where Vertex AI mounts buckets, whatever the profile says.
_MOUNTED = "/gcs/"


@dataclasses.dataclass(frozen=True)
class Files:
    """What is read and written.

    Attributes:
        output: The compiled pipeline.
        runner: `kfp` or `vertex`.
        profile: Where Beam's work is done, and what containers get from a cluster.
        kserve: The InferenceService; None for none.
    """

    output: Path
    runner: str
    profile: Profile
    kserve: Path | None


def write(contract: Contract, options: Mapping[str, Any], files: Files) -> Iterator[str]:
    """Writes the files; yields a sentence about each, and about what is not as it should be.

    Args:
        contract: The task.
        options: Of `compile.Request`, all but the profile.
        files: What to read and write.

    Raises:
        UserError: Options are wrong, or a file cannot be written.
    """
    if files.runner == "vertex" and not options["root"].startswith("gs://"):
        raise UserError(
            "--runner vertex: artifacts go to Google Cloud Storage; give --pipeline-root gs://BUCKET/FOLDER"
        )
    service = ""
    if files.kserve:
        with output_to(Path(os.devnull)):
            from pipeline.runners.kubeflow.kserve import manifest

            service = manifest(contract.task.task, options["serving"], files.profile)
    compiled = compiled_quietly(contract, options, files.profile)
    if options["looks"] and not compiled.knows_data:
        raise UserError(
            f"--reuse-data: {_data(compiled)}: nobody can look from here at what a run will find there; give --data a"
            " path that is there, and --span no latest, or leave it out: then every run reads the data anew"
        )
    _write(files.output, compiled.to_job() if files.runner == "vertex" else compiled.to_yaml())
    yield f"{files.output}: {len(compiled.spec['root']['dag']['tasks'])} stages"
    if files.kserve:
        _write(files.kserve, service)
        yield f"{files.kserve}: InferenceService on {options['serving']}"
    yield from remarks(options, compiled, files.profile)


def compiled_quietly(contract: Contract, options: Mapping[str, Any], profile: Profile) -> Compiled:
    """Returns the compiled pipeline; what TFX has to say about it is not shown.

    Raises:
        UserError: Options are wrong.
    """
    with output_to(Path(os.devnull)):
        from pipeline.runners.kubeflow.compile import Request, compile_task

        return compile_task(contract, Request(profile=profile, **options))


def remarks(options: Mapping[str, Any], compiled: Compiled, profile: Profile) -> Iterator[str]:
    """Yields a sentence about each thing that is not as it might be."""
    if not is_pinned(options["image"]):
        yield (
            f"warning: --image {options['image']} is a name that may be another image tomorrow, so every stage runs in"
            " every run; name it by its digest, NAME@sha256:..., and what was finished is not done again"
        )
    if not options["data"]:
        yield f"data: {_data(compiled)}, as there is no --data; a run can name another place by its parameter data"
    elif not compiled.knows_data:
        yield f"{options['data']}: not looked at from here, so every run reads the data anew"
    serving = options["serving"]
    if not serving:
        yield "serving: none given: a blessed model stays an artifact of its run, and there is no baseline"
    elif not serving.startswith(_MOUNTED) and "://" not in serving and not profile.of("Pusher").place_of(serving):
        yield f"warning: --serving {serving} is on no volume of the profile: what is pushed there is lost"


def _data(compiled: Compiled) -> str:
    """Returns where a run finds its data if it is not told."""
    found: str = compiled.spec["root"]["inputDefinitions"]["parameters"][DATA]["defaultValue"]
    return found


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{file}: cannot be written ({error.strerror})") from None
