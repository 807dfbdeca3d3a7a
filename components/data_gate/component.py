"""DataGate: the run stops here if the data contradicts schema.pbtxt.

ExampleValidator only writes its findings down; nothing depends on them (tfx-addons#153).
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.data_gate.anomalies import absent, errors
from components.data_gate.values import infinite, not_text
from components.data_gate.vanished import vanished
from components.example_gen import state
from components.example_gen.places import Place, place
from components.example_gen.window import entries, load_window
from components.statistics import load_by_split
from schema.errors import AnomaliesFound, DataError

_ANOMALIES_FILE = "SchemaDiff.pb"


def load_anomalies(artifact: types.Artifact) -> dict[str, anomalies_pb2.Anomalies]:
    """Returns ExampleValidator's findings of every split."""
    by_split = {}
    for split in artifact_utils.decode_split_names(artifact.split_names):
        with fileio.open(os.path.join(artifact_utils.get_split_uri([artifact], split), _ANOMALIES_FILE), "rb") as f:
            by_split[split] = anomalies_pb2.Anomalies.FromString(f.read())
    return by_split


class Executor(base_executor.BaseExecutor):
    """Raises if there are anomalies."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads the anomalies of every split.

        Raises:
            DataError: Examples that were reused are not of the data as they are now; only if their path is given.
            AnomaliesFound: With one sentence per column and reason.
        """
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        # What this very run has read need not be looked at: another pod may see the same files with other times.
        if exec_properties["data"] and f"/{exec_properties['run_id']}/" not in examples.uri:
            _check_unchanged(examples, exec_properties)
        by_split = load_anomalies(artifact_utils.get_single_instance(input_dict["anomalies"]))
        statistics = load_by_split(artifact_utils.get_single_instance(input_dict["statistics"]))
        window = load_window(examples)
        columns = json.loads(exec_properties["columns"])
        found = errors(by_split)
        wrong = {
            **infinite(statistics, columns),
            **not_text(statistics, json.loads(exec_properties["sliced"])),
            **vanished(window, columns),
            **absent(statistics, columns),
        }
        known = "\n".join(found)
        found += [sentence for name, sentence in wrong.items() if f"column '{name}'" not in known]
        if found:
            raise AnomaliesFound("the data contradicts schema.pbtxt:\n" + "\n".join(f"  {line}" for line in found))


def _check_unchanged(examples: types.Artifact, given: Mapping[str, Any]) -> None:
    """Looks whether examples of an earlier run are of the data as they are now.

    A cache that is told the data's fingerprint believes what it is told.

    Raises:
        DataError: They are not.
    """
    folders = [place(entry.folder) for entry in entries(examples)] or [place(given["data"])]
    if not _in_sight(folders):
        return  # Only ingestion need see the data.
    now = state.fingerprint(folders, given["format"], json.loads(given["path_columns"]))
    if now != examples.get_string_custom_property(state.DATA_PROPERTY):
        raise DataError(
            f"{given['data']}: the data are not those that were read by the earlier run whose examples were reused;"
            " start the run with another value of its parameter data_fingerprint, such as [[RunUUID]]"
        )


def _in_sight(folders: Iterable[Place]) -> bool:
    try:
        return all(folder.exists() for folder in folders)
    except DataError as error:  # A store that only ingestion has the credentials of.
        logging.info("the data are not looked at: %s", error)
        return False


class DataGateSpec(types.ComponentSpec):
    """Anomalies in, nothing out: what must wait for the gate names it as upstream."""

    PARAMETERS = {
        "columns": ExecutionParameter(type=str),
        "sliced": ExecutionParameter(type=str),
        "data": ExecutionParameter(type=str),
        "run_id": ExecutionParameter(type=str),
        "format": ExecutionParameter(type=str),
        "path_columns": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }
    OUTPUTS: dict[str, ChannelParameter] = {}


class DataGate(base_component.BaseComponent):
    """Stops the run on anomalies.

    Args:
        examples: ExampleGen's output.
        anomalies: ExampleValidator's output.
        statistics: Of the examples.
        columns: Features and labels of the task: a run without values for one of them is in vain.
        sliced: Columns whose values name slices.
        data: File or folder of rows, if it is to be looked whether the examples are still of them; else empty.
        run_id: Stands in the URIs of what this run makes; those examples are not looked at.
        file_format: Of the tables there.
        path_columns: Columns that name image files.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        anomalies: types.BaseChannel,
        statistics: types.BaseChannel,
        columns: Iterable[str],
        sliced: Iterable[str],
        data: str | RuntimeParameter = "",
        run_id: str = "",
        file_format: str = "",
        path_columns: Iterable[str] = (),
    ):
        super().__init__(
            DataGateSpec(
                examples=examples,
                anomalies=anomalies,
                statistics=statistics,
                columns=json.dumps(list(columns)),
                sliced=json.dumps(list(sliced)),
                data=data,
                run_id=run_id,
                format=file_format,
                path_columns=json.dumps(list(path_columns)),
            )
        )
