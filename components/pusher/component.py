"""Pusher: a blessed model becomes the next served version; any other model stays where it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import path_utils

from components.canary.component import CanaryFindings
from components.evaluator.component import BLESSED_PROPERTY, REPORT_FILE, HeadReport
from components.exported import EXTRA_FOLDER, WARMUP_FILE, read_exported
from components.pusher import facts, model_card, serving, stores
from components.pusher.history import Record
from components.statistics import load_by_split

PUSHED_PROPERTY = "pushed"
DESTINATION_PROPERTY = "pushed_destination"


class Executor(base_executor.BaseExecutor):
    """Pushes what is blessed."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies the model into the serving folder if the verdict allows it: nothing else is asked, and nothing less.

        Raises:
            DataError: The serving folder's pointer is damaged, its history cannot be opened, or it is an object store
                that cannot be reached.
        """
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing = artifact_utils.get_single_instance(input_dict["blessing"])
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if blessing.get_int_custom_property(BLESSED_PROPERTY) != 1:
            pushed.set_int_custom_property(PUSHED_PROPERTY, 0)
            return
        exported = Path(path_utils.serving_model_path(model.uri))
        provenance = json.loads(exec_properties["provenance"])
        report = json.loads(_file(input_dict["report"], REPORT_FILE).read_text(encoding="utf-8"))
        warmup = _file(input_dict["canary"], WARMUP_FILE).read_bytes()
        data = _data(artifact_utils.get_single_instance(input_dict["statistics"]), exported, provenance["data"])

        def extra(record: Record) -> Mapping[str, bytes]:
            card = model_card.make_card(record, report, provenance, data)
            return {f"{EXTRA_FOLDER}/{WARMUP_FILE}": warmup, **model_card.files(card)}

        # Without a serving folder the artifact itself is one, with a single version.
        with stores.opened(exec_properties["serving"] or pushed.uri) as store:
            version = serving.push(
                exported,
                store.folder,
                source=model.uri,
                training=exec_properties["training"],
                baseline=exec_properties["baseline"] or None,
                run_id=provenance["run_id"],
                extra=extra,
                replace_pointer=bool(exec_properties["replace_pointer"]),
            )
            serving.prune(store.folder, exec_properties["keep"])
            store.commit()
            destination = store.name(int(version.name))
        pushed.set_int_custom_property(PUSHED_PROPERTY, 1)
        pushed.set_string_custom_property(DESTINATION_PROPERTY, destination)


def _file(artifacts: list[types.Artifact], name: str) -> Path:
    return Path(artifact_utils.get_single_uri(artifacts)) / name


def _data(statistics: types.Artifact, model: Path, source: str) -> dict[str, Any]:
    """Returns what the model card says of the data."""
    by_split, exported = load_by_split(statistics), read_exported(model)
    missing = facts.missing(by_split, exported.features)
    return {
        "source": source,
        "rows": facts.rows(by_split),
        "features": [
            {"name": name, "type": feature.type, "missing": missing[name]}
            for name, feature in exported.features.items()
        ],
        "label_counts": facts.label_counts(by_split, {name: head.classes for name, head in exported.heads.items()}),
    }


class PusherSpec(types.ComponentSpec):
    """Model and verdict in, with what is known of both; pushed model out."""

    PARAMETERS = {
        "serving": ExecutionParameter(type=str),
        "training": ExecutionParameter(type=str),
        "baseline": ExecutionParameter(type=str),
        "keep": ExecutionParameter(type=int),
        "replace_pointer": ExecutionParameter(type=int),
        "provenance": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "report": ChannelParameter(type=HeadReport),
        "canary": ChannelParameter(type=CanaryFindings),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }
    OUTPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}


class Pusher(base_component.BaseComponent):
    """Pushes to a folder.

    Args:
        model: The trained model.
        blessing: The verdict.
        report: What it was based on, for the model card.
        canary: Findings, with the requests by which TensorFlow Serving warms the model up.
        statistics: Of the examples, for the model card.
        serving: Serving folder: a path, a URI of an object store, or an empty string for the artifact itself.
        training: Digest of what made the model.
        baseline: Version folder it was judged against, or an empty string.
        keep: Number of versions to keep, the new one included.
        provenance: `task`, `run_id`, `data` (path), `data_fingerprint`, `code` (digests by stage) and `versions` (of
            libraries), for the model card.
        replace_pointer: Push even if the serving folder's pointer is damaged.
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        blessing: types.BaseChannel,
        report: types.BaseChannel,
        canary: types.BaseChannel,
        statistics: types.BaseChannel,
        serving: str,
        training: str,
        baseline: str,
        keep: int,
        provenance: Mapping[str, Any],
        replace_pointer: bool = False,
    ):
        super().__init__(
            PusherSpec(
                model=model,
                blessing=blessing,
                report=report,
                canary=canary,
                statistics=statistics,
                serving=serving,
                training=training,
                baseline=baseline,
                keep=keep,
                replace_pointer=int(replace_pointer),
                provenance=json.dumps(provenance),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
