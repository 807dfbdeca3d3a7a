"""Pusher: a blessed model becomes the next served version; any other model stays where it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import path_utils

from components.baseline.decision import decided
from components.canary.component import CanaryFindings
from components.evaluator.component import BLESSED_PROPERTY, REPORT_FILE, HeadReport
from components.exported import EXTRA_FOLDER, WARMUP_FILE, read_exported
from components.pusher import facts, model_card, serving, stores
from components.pusher.history import Record
from components.pusher.pointer import read_pointer
from components.statistics import load_by_split
from components.versions import versions
from schema.errors import DataError

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
            DataError: The serving folder's pointer is damaged, its history cannot be opened, it is an object store
                that cannot be reached, or it has a model that Baseline, at run time, has not seen.
        """
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing = artifact_utils.get_single_instance(input_dict["blessing"])
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if blessing.get_int_custom_property(BLESSED_PROPERTY) != 1:
            pushed.set_int_custom_property(PUSHED_PROPERTY, 0)
            return
        exported = Path(path_utils.serving_model_path(model.uri))
        given = decided(input_dict["baseline_model"], exec_properties)
        provenance = {**json.loads(given["provenance"]), "versions": versions()}
        provenance |= {name: given[name] for name in ("run_id", "data", "data_fingerprint")}
        report = json.loads(_file(input_dict["report"], REPORT_FILE).read_text(encoding="utf-8"))
        warmup = _file(input_dict["canary"], WARMUP_FILE).read_bytes()
        data = _data(artifact_utils.get_single_instance(input_dict["statistics"]), exported, provenance["data"])

        def extra(record: Record) -> Mapping[str, bytes]:
            card = model_card.make_card(record, report, provenance, data)
            return {f"{EXTRA_FOLDER}/{WARMUP_FILE}": warmup, **model_card.files(card)}

        # Without a serving folder the artifact itself is one, with a single version.
        with stores.opened(given["serving"] or pushed.uri) as store:
            if not exec_properties["training"]:
                _check_compared(given, store, model.uri)
            version = serving.push(
                exported,
                store.folder,
                source=model.uri,
                training=given["training"],
                baseline=given["baseline"] or None,
                run_id=provenance["run_id"],
                extra=extra,
                replace_pointer=bool(given["replace_pointer"]),
            )
            serving.prune(store.folder, given["keep"])
            store.commit()
            destination = store.name(int(version.name))
        pushed.set_int_custom_property(PUSHED_PROPERTY, 1)
        pushed.set_string_custom_property(DESTINATION_PROPERTY, destination)


def _check_compared(given: Mapping[str, Any], store: stores.Store, source: str) -> None:
    """Looks whether a model for which Baseline found nothing has a predecessor here: their volumes may differ.

    Args:
        given: What Baseline decided at run time.
        store: Where the model is to be pushed.
        source: Identity of the model artifact, which an attempt before this one may have pushed.

    Raises:
        DataError: It has.
    """
    if given["baseline"] or given["replace_pointer"]:
        return
    pointer = read_pointer(store.folder)
    if pointer and pointer.source != source:
        raise DataError(
            f"{given['serving']}: Pusher sees version {pointer.version} here, and Baseline saw none, so the model was"
            " not compared with it; let both see the same folder (volumes of the profile), or give the run no_baseline"
        )


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
        "run_id": ExecutionParameter(type=str),
        "data": ExecutionParameter(type=str),
        "data_fingerprint": ExecutionParameter(type=str),
        "provenance": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "report": ChannelParameter(type=HeadReport),
        "canary": ChannelParameter(type=CanaryFindings),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model),
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
        baseline_model: The Baseline's output: what it decided at run time counts for more than the parameters.
        serving: Serving folder: a path, a URI of an object store, or an empty string for the artifact itself.
        training: Digest of what made the model.
        baseline: Version folder it was judged against, or an empty string.
        keep: Number of versions to keep, the new one included.
        run_id: For the history and the model card.
        data: File or folder of rows, for the model card.
        data_fingerprint: For the model card.
        provenance: `task` and `code` (digests by stage), for the model card.
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
        baseline_model: types.BaseChannel,
        serving: str | RuntimeParameter,
        training: str,
        baseline: str,
        keep: int,
        run_id: str,
        data: str | RuntimeParameter,
        data_fingerprint: str,
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
                baseline_model=baseline_model,
                serving=serving,
                training=training,
                baseline=baseline,
                keep=keep,
                replace_pointer=int(replace_pointer),
                run_id=run_id,
                data=data,
                data_fingerprint=data_fingerprint,
                provenance=json.dumps(provenance),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
