"""Drift: a new span that is unlike those before it is told, and stops the run if the task says so.

A stage of its own, and not a part of DataGate, which runs every time: what it finds depends on its input and its
parameters alone, and a run that is stopped is not in the cache.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.data_gate.drift.compare import compare
from components.data_gate.drift.read import Source, count_spans
from components.example_gen import per_span
from components.example_gen.entries import Entry, entries_from_json, entries_to_json
from components.example_gen.store import files_of
from components.example_gen.window import entries
from schema.drift import Mode, Watched
from schema.errors import DriftFound
from schema.names import SPLITS

_DRIFT_FILE = "drift.json"


class DriftFindings(types.Artifact):
    """drift.json: `data.drift` of report.json."""

    TYPE_NAME = "components.DriftFindings"


def load_drift(artifact: types.Artifact) -> dict[str, Any]:
    """Returns what was found, as `compare.compare` returned it."""
    with fileio.open(os.path.join(artifact.uri, _DRIFT_FILE), "r") as file:
        found: dict[str, Any] = json.loads(file.read())
    return found


class Executor(BaseBeamExecutor):
    """Counts the spans of a window that are not counted yet, and compares the newest with those before it."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes what was found.

        Raises:
            DriftFound: Something moved too far, and the task says to stop; with a sentence for each.
        """
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        folders = [artifact_utils.get_split_uri([examples], name) for name in SPLITS]
        window = entries_from_json(exec_properties["window"]) or entries(examples)
        watched = [Watched(**column) for column in json.loads(exec_properties["watched"])]
        sources = [
            Source(
                entry.label,
                tuple(files_of(entry, folders)),
                per_span.name(entry, "drift", exec_properties["fingerprint"]),
            )
            for entry in window
        ]
        kinds = {column.name: column.kind for column in watched}
        kept = exec_properties["store"] or os.path.join(self._get_tmp_dir(), "counts")
        spans = count_spans(sources, kept, kinds, self._make_beam_pipeline())
        mode = exec_properties["mode"]
        found = compare(spans, exec_properties["judging"], watched, mode)
        if mode == "stop" and found["findings"]:
            lines = "".join(f"\n  {sentence}" for sentence in found["findings"])
            mend = "mend the data, or accept it for once by --set drift=warn"
            raise DriftFound(f"span {spans[-1].label} is unlike the spans before it ({mend}):{lines}")
        folder = artifact_utils.get_single_uri(output_dict["drift"])
        fileio.makedirs(folder)
        with fileio.open(os.path.join(folder, _DRIFT_FILE), "w") as file:
            file.write(json.dumps(found, indent=1, allow_nan=False))


class DriftSpec(types.ComponentSpec):
    """Examples of a window in, findings out."""

    PARAMETERS = {
        "window": ExecutionParameter(type=str),
        "judging": ExecutionParameter(type=int),
        "watched": ExecutionParameter(type=str),
        "mode": ExecutionParameter(type=str),
        "store": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {"drift": ChannelParameter(type=DriftFindings)}


class Drift(base_component.BaseComponent):
    """Compares the newest span of a window with those before it.

    Args:
        examples: ExampleGen's output.
        window: Its spans, the newest last; none if ExampleGen found them.
        judging: How many of the newest judge the model, which learns from older ones only; 1 if it learns from all.
        watched: Columns, and thresholds.
        mode: `stop` or `warn`.
        store: Where the counts of spans are kept; an empty string if they are not.
        fingerprint: Of the code, and of what is counted.
    """

    SPEC_CLASS = DriftSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        window: Iterable[Entry],
        judging: int,
        watched: Iterable[Watched],
        mode: Mode,
        store: str,
        fingerprint: str,
    ):
        super().__init__(
            DriftSpec(
                examples=examples,
                window=entries_to_json(window),
                judging=judging,
                watched=json.dumps([dataclasses.asdict(column) for column in watched]),
                mode=mode,
                store=store,
                fingerprint=fingerprint,
                drift=types.Channel(type=DriftFindings),
            )
        )
