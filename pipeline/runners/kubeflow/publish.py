"""What a run needs on a server of Kubeflow Pipelines (KFP): the pipeline in a version, and an experiment.

Names make it idempotent: a version is called by the digest of what it is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from pathlib import Path

from pipeline.runners.kubeflow.client import Client, is_conflict, is_missing, kfp, named
from schema.errors import ServerRefused

# Hexadecimal digits of a digest.
_DIGITS = 16


@dataclasses.dataclass(frozen=True)
class Version:
    """A version of a pipeline on a server.

    Attributes:
        pipeline_id: Of the pipeline.
        version_id: Of the version.
        name: Its name.
        is_new: Whether it was not there before.
    """

    pipeline_id: str
    version_id: str
    name: str
    is_new: bool

    @property
    def reference(self) -> kfp.V2beta1PipelineVersionReference:
        """What runs refer to it by."""
        return kfp.V2beta1PipelineVersionReference(pipeline_id=self.pipeline_id, pipeline_version_id=self.version_id)


def publish(client: Client, pipeline: str, text: str) -> Version:
    """Uploads a compiled pipeline, unless it is there already.

    Args:
        client: Of the server.
        pipeline: Name of the pipeline.
        text: The file.

    Raises:
        UserError: As by the client.
    """
    pipeline_id = _pipeline(client, pipeline)
    name = f"{pipeline}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"
    if known := _version(client, pipeline_id, name):
        return Version(pipeline_id, known, name, is_new=False)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.yaml"  # KFP tells by the ending what it is.
        file.write_text(text, encoding="utf-8")
        try:
            made = client.call(
                client.uploads.upload_pipeline_version,
                str(file),
                name=name,
                display_name=name,
                pipelineid=pipeline_id,
            )
        except ServerRefused as error:
            if is_conflict(error) and (known := _version(client, pipeline_id, name)):  # Somebody did so just now.
                return Version(pipeline_id, known, name, is_new=False)
            raise
    return Version(pipeline_id, made.pipeline_version_id, name, is_new=True)


def experiment(client: Client, name: str) -> str:
    """Returns the id of the experiment of that name, made if there is none: KFP lists runs by experiment.

    Raises:
        UserError: As by the client.
    """
    if known := _experiment(client, name):
        return known
    wanted = kfp.V2beta1Experiment(display_name=name, namespace=client.namespace)
    try:
        made: str = client.call(client.experiments.experiment_service_create_experiment, wanted).experiment_id
    except ServerRefused as error:
        if is_conflict(error) and (known := _experiment(client, name)):
            return known
        raise
    return made


def _pipeline(client: Client, name: str) -> str:
    if known := find_pipeline(client, name):
        return known
    wanted = kfp.V2beta1Pipeline(name=name, display_name=name, namespace=client.namespace)
    try:
        made: str = client.call(client.pipelines.pipeline_service_create_pipeline, wanted).pipeline_id
    except ServerRefused as error:
        if is_conflict(error) and (known := find_pipeline(client, name)):
            return known
        raise
    return made


def find_pipeline(client: Client, name: str) -> str | None:
    """Returns the id of the pipeline of that name; None if there is none.

    Raises:
        UserError: As by the client.
    """
    scope = {"namespace": client.namespace} if client.namespace else {}
    try:
        found: str = client.call(client.pipelines.pipeline_service_get_pipeline_by_name, name, **scope).pipeline_id
    except ServerRefused as error:
        if is_missing(error):
            return None
        raise
    return found


def _version(client: Client, pipeline_id: str, name: str) -> str | None:
    listed = client.every(
        client.pipelines.pipeline_service_list_pipeline_versions, "pipeline_versions", pipeline_id, filter=named(name)
    )
    return next((found.pipeline_version_id for found in listed), None)


def _experiment(client: Client, name: str) -> str | None:
    scope = {"namespace": client.namespace} if client.namespace else {}
    listed = client.every(
        client.experiments.experiment_service_list_experiments, "experiments", filter=named(name), **scope
    )
    return next((found.experiment_id for found in listed), None)
