"""Runs a pipeline in this process, stage by stage, with a call before and after each.

TFX's LocalDagRunner does the same without saying what it does: which stage runs, from the cache or not, and what came
out of it.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.dsl.compiler import compiler
from tfx.dsl.compiler import constants as compiler_constants
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import (
    beam_executor_operator,
    data_types,
    launcher,
    outputs_utils,
    runtime_parameter_utils,
)
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import executable_spec_pb2, execution_result_pb2

from pipeline.profiles.profile import Profile
from pipeline.runners.beam import PipelinesOf, beam_pipelines
from schema.errors import WorkerLost

Outputs = Mapping[str, types.Artifact]


@dataclasses.dataclass(frozen=True)
class Stage:
    """A finished stage.

    Attributes:
        id: Name of the component.
        seconds: How long it took.
        cached: Whether an earlier run had done it.
        outputs: Its artifacts by key, the first of each.
    """

    id: str
    seconds: float
    cached: bool
    outputs: Outputs


def run_pipeline(
    pipeline: Pipeline,
    run_id: str,
    never_cached: frozenset[str],
    profile: Profile,
    on_start: Callable[[str], None],
    on_finish: Callable[[Stage], None],
    wanted: frozenset[str] | None = None,
    properties: Mapping[str, int | str] | None = None,
) -> list[Stage]:
    """Runs every stage in order; stops at the first that fails, with its exception.

    Args:
        pipeline: The graph.
        run_id: Names the run in ML Metadata.
        never_cached: Stages that run even if nothing changed.
        profile: Where Beam's work is done. It is no part of what the cache goes by.
        on_start: Called with the stage's name.
        on_finish: Called with what became of it.
        wanted: Stages to run, with all that they wait for among them; every one if None.
        properties: Custom properties that every new artifact gets; one from the cache keeps those it has.
    """
    ir = compiler.Compiler().compile(pipeline)
    runtime_parameter_utils.substitute_runtime_parameter(
        ir, {compiler_constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
    )
    deployment = runner_utils.extract_local_deployment_config(ir)
    connection = getattr(
        deployment.metadata_connection_config, deployment.metadata_connection_config.WhichOneof("connection_config")
    )
    stages = []
    with beam_pipelines(profile) as pipelines_of:
        operators = {executable_spec_pb2.BeamExecutableSpec: functools.partial(_BeamOperator, pipelines_of)}
        for node in (entry.pipeline_node for entry in ir.nodes):
            node_id = node.node_info.id
            if wanted is not None and node_id not in wanted:
                continue
            if node_id in never_cached:
                node.execution_options.caching_options.enable_cache = False
            on_start(node_id)
            started = time.monotonic()
            execution = launcher.Launcher(
                pipeline_node=node,
                mlmd_connection=metadata.Metadata(connection),
                pipeline_info=ir.pipeline_info,
                pipeline_runtime_spec=ir.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
                custom_executor_operators=operators,
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
            ).launch()
            seconds = time.monotonic() - started
            with metadata.Metadata(connection) as handle:
                stage = _finished(node_id, seconds, handle, execution.execution_id if execution else None)
                if not stage.cached:
                    _mark(handle, stage.outputs.values(), properties or {})
            stages.append(stage)
            on_finish(stage)
    return stages


class _BeamOperator(beam_executor_operator.BeamExecutorOperator):
    """Runs an executor with Beam where a profile says, and not by options in the graph, which the cache goes by."""

    def __init__(self, pipelines_of: PipelinesOf, **given: Any):
        super().__init__(**given)
        self._pipelines_of = pipelines_of

    def run_executor(
        self, execution_info: data_types.ExecutionInfo, make_beam_pipeline_fn: Any = None
    ) -> execution_result_pb2.ExecutorOutput:
        """Runs it; once more if a worker of the cluster was lost.

        Raises:
            WorkerLost: Twice.
        """
        try:
            return self._try(execution_info, make_beam_pipeline_fn)
        except WorkerLost as error:
            logging.warning("%s; once more", error)
        _empty(execution_info)
        try:
            return self._try(execution_info, make_beam_pipeline_fn)
        except WorkerLost as error:
            raise WorkerLost(f"{error} (tried twice)") from None

    def _try(
        self, execution_info: data_types.ExecutionInfo, make_beam_pipeline_fn: Any
    ) -> execution_result_pb2.ExecutorOutput:
        with self._pipelines_of(execution_info.pipeline_node.node_info.id) as make:
            return super().run_executor(execution_info, make_beam_pipeline_fn or make)


def _empty(execution_info: data_types.ExecutionInfo) -> None:
    """Removes what an attempt has left, as if there had been none."""
    outputs_utils.remove_output_dirs(execution_info.output_dict)
    outputs_utils.make_output_dirs(execution_info.output_dict)
    if fileio.exists(execution_info.execution_output_uri):
        fileio.remove(execution_info.execution_output_uri)
    fileio.rmtree(execution_info.tmp_dir)
    fileio.makedirs(execution_info.tmp_dir)


def _finished(node_id: str, seconds: float, handle: metadata.Metadata, execution_id: int | None) -> Stage:
    """Reads from ML Metadata what the launcher does not tell.

    Raises:
        RuntimeError: The stage did not run: TFX logs an unresolved input and goes on.
    """
    executions = handle.store.get_executions_by_id([execution_id]) if execution_id else []
    if not executions or not execution_lib.is_execution_successful(executions[0]):
        raise RuntimeError(f"{node_id} did not run: TFX could not resolve its inputs")
    cached = executions[0].last_known_state == metadata_store_pb2.Execution.CACHED
    outputs = execution_lib.get_output_artifacts(handle, execution_id)
    return Stage(node_id, seconds, cached, {key: found[0] for key, found in outputs.items() if found})


def _mark(
    handle: metadata.Metadata, artifacts: Collection[types.Artifact], properties: Mapping[str, int | str]
) -> None:
    """Adds custom properties to artifacts that are published."""
    for artifact in artifacts:
        for name, value in properties.items():
            set_property = (
                artifact.set_int_custom_property if isinstance(value, int) else artifact.set_string_custom_property
            )
            set_property(name, value)
    if properties:
        handle.store.put_artifacts([artifact.mlmd_artifact for artifact in artifacts])
