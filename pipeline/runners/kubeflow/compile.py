"""Compiles a task: the graph of local runs through TFX's own compiler, mended for Kubeflow Pipelines (KFP)."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from tfx.dsl.components.base import executor_spec
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as tfx_compiler

from components import object_store
from components.example_gen.places import place
from components.example_gen.window import LATEST
from pipeline import fingerprint, windows
from pipeline.config import RunConfig
from pipeline.graph import NEVER_CACHED, wire
from pipeline.identity import data_fingerprint
from pipeline.profiles import beam
from pipeline.profiles.find import local
from pipeline.profiles.profile import Profile
from pipeline.runners.kubeflow import mends
from pipeline.runners.kubeflow.check import check
from pipeline.runners.kubeflow.names import DATA, default_data, is_pinned, pipeline_name
from pipeline.runners.kubeflow.parameters import Defaults, at_run_time
from pipeline.runners.step.command import COMMAND
from schema.contract import Contract
from schema.errors import UserError

Json = dict[str, Any]

_INGESTION = "ExampleGen"
# It looks into the serving folder, of which the cache knows nothing.
_NEVER_REUSED = NEVER_CACHED | {"Baseline"}


class _Quoting(yaml.SafeDumper):
    """Quotes texts that might be numbers: KFP's reader takes `1e9` for one, and PyYAML, of YAML 1.1, does not."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    might_be_number = re.match(r"[-+.]?[0-9]|[-+]?\.(inf|nan)", text, re.IGNORECASE)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if might_be_number else None)


_Quoting.add_representer(str, _text)


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        image: Container image of every stage.
        data: File or folder of rows, as containers see it, or its URI; None for /data/TASK, unseen.
        serving: Serving folder: a path, a URI, or an empty string.
        span: The newest span; None for the latest that is there now, or at run time if nobody looks at the data.
        window: How many spans; None for one.
        root: Where artifacts go; an empty string for where the server puts them.
        profile: Where Beam's work is done, and what containers get from the cluster.
        looks: Whether data that can be seen from here are looked at, so that a run that begins now may reuse what was
            read of them: nobody knows what a later one will find.
    """

    image: str
    data: str | None = None
    serving: str = ""
    span: str | None = None
    window: int | None = None
    root: str = ""
    profile: Profile = dataclasses.field(default_factory=local)
    looks: bool = True


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A pipeline that KFP takes.

    Attributes:
        spec: pipelineSpec of KFP, schema version 2.1.
        platform: What only Kubernetes can give; None if that is nothing.
        knows_data: Whether the data were looked at: else ingestion is never reused.
    """

    spec: Json
    platform: Json | None
    knows_data: bool

    def to_yaml(self) -> str:
        """Returns the file that KFP takes: one document, or two."""
        documents = [self.spec] if self.platform is None else [self.spec, self.platform]
        return yaml.dump_all(documents, Dumper=_Quoting, sort_keys=True, allow_unicode=True, width=120)

    def to_job(self) -> str:
        """Returns the PipelineJob that Vertex AI takes."""
        parameters = self.spec["root"]["inputDefinitions"]["parameters"]
        values = {name: found["defaultValue"] for name, found in parameters.items()}
        job = {
            "displayName": self.spec["pipelineInfo"]["name"],
            "pipelineSpec": self.spec,
            "runtimeConfig": {
                "gcsOutputDirectory": self.spec["defaultPipelineRoot"],
                "parameterValues": values,
            },
        }
        return json.dumps(job, sort_keys=True, indent=1) + "\n"


def compile_task(contract: Contract, request: Request) -> Compiled:
    """Returns the compiled pipeline of a task.

    Args:
        contract: The task.
        request: What is asked for.

    Raises:
        UserError: KFP would refuse it, a path is not absolute, or options contradict the task.
        DataError: The data can be seen, and there is no such span.
    """
    _check_request(request)
    defaults = _defaults(contract, request)
    pipeline = wire(contract, at_run_time(contract, pipeline_name(contract.task.task), request.root))
    for stage in pipeline.components:
        if isinstance(stage.executor_spec, executor_spec.BeamExecutorSpec):
            options = beam.options_of(request.profile.of(stage.id))
            stage.executor_spec.add_beam_pipeline_args(beam.arguments(options))
    runner = tfx_compiler.KubeflowV2DagRunner(
        tfx_compiler.KubeflowV2DagRunnerConfig(
            default_image=request.image, default_commands=list(COMMAND), use_pipeline_spec_2_1=True
        )
    )
    spec: Json = runner.run(pipeline, write_out=False)["pipelineSpec"]
    has_data = bool(defaults.data_fingerprint)
    spec = mends.give_code(spec)
    spec = mends.give_defaults(spec, defaults.values(contract.task.data.spans is not None))
    spec = mends.tell_containers(spec, defaults.code)
    spec = mends.never_reuse(spec, _unreused(spec, request.image, has_data))
    spec = mends.give_resources(spec, request.profile)
    if request.root:
        spec["defaultPipelineRoot"] = request.root
    _check_serving(request)
    platform = mends.platform(spec, request.profile)
    if problems := check(spec, platform):
        raise UserError(
            "Kubeflow Pipelines would refuse this pipeline:\n" + "\n".join(f"  {line}" for line in problems)
        )
    return Compiled(spec, platform, has_data)


def _unreused(spec: Json, image: str, has_data: bool) -> Collection[str]:
    """Returns the stages that run in every run: all, if nobody knows which image a run will find under its name."""
    if not is_pinned(image):
        return mends.tasks_of(spec)
    return _NEVER_REUSED if has_data else _NEVER_REUSED | {_INGESTION}


def _defaults(contract: Contract, request: Request) -> Defaults:
    """Returns the values that a run need not give; if the data are looked at, those of the data as they are now.

    A store is never looked at: nobody could say how long that takes, and what it shows to whom.
    """
    windows.check(contract, windows.Wanted(request.span, request.window))
    span, known = request.span or LATEST, ""
    data = request.data or default_data(contract.task.task)
    source = place(request.data) if request.data else None
    if request.looks and isinstance(source, Path) and source.exists() and request.span != LATEST:
        run = windows.choose(contract, RunConfig(source, Path(), ""), span=request.span, window=request.window)
        known = data_fingerprint(contract, run.data, run.spans)
        span = run.spans[-1].label if run.spans else span
    else:
        logging.info("the data are not looked at: ingestion will run in every run")
    return Defaults(data, known, span, request.window or 1, request.serving, fingerprint.sources())


def _check_request(request: Request) -> None:
    """Refuses no image, and paths that mean one thing here and another in a container.

    Raises:
        UserError: With the option.
    """
    if not request.image:
        raise UserError("--image: is empty; name the image that `make image` made, best by its digest")
    for option, path in ((f"--{DATA}", request.data), ("--serving", request.serving)):
        if path and object_store.is_uri(path):
            object_store.check(path)
        elif path and not Path(path).is_absolute():
            raise UserError(f"{option}: '{path}' is not absolute; give the path as containers see it, such as /data")


def _check_serving(request: Request) -> None:
    """Lets Baseline look where the Pusher writes: else no model would be compared with the one before.

    Raises:
        UserError: The profile gives them different places.
    """
    seen = {stage: request.profile.of(stage).place_of(request.serving) for stage in ("Baseline", "Pusher")}
    if len(set(seen.values())) > 1:
        places = " and ".join(f"{place or 'no volume'} for {stage}" for stage, place in seen.items())
        raise UserError(
            f"--profile: --serving {request.serving} is on {places}; give both the same volumes, as Baseline reads what"
            " the Pusher keeps there of the last model"
        )
