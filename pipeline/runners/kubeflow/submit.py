"""A run on a server of Kubeflow Pipelines (KFP): begun, or found if the very same is under way."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pipeline.runners.kubeflow.client import Client, kfp
from pipeline.runners.kubeflow.names import CODE, DATA_FINGERPRINT, NO_BASELINE
from pipeline.runners.kubeflow.publish import Version
from pipeline.session import new_run_id
from schema.errors import ServerUnavailable, UserError

Json = dict[str, Any]

# KFP puts the run's id in its place, so that no two runs are alike to the cache.
RUN_ID = "[[RunUUID]]"
_UNDER_WAY = ("PENDING", "RUNNING", "PAUSED")
# Runs of an experiment that are looked at, the newest first: what is under way is among them.
_NEWEST = 50


@dataclasses.dataclass(frozen=True)
class Order:
    """What is to run.

    Attributes:
        version: The pipeline.
        parameters: Values by name; others have their defaults.
        root: Where artifacts go; an empty string for where the server puts them.
        experiment_id: Where KFP lists the run.
    """

    version: Version
    parameters: Mapping[str, Any]
    root: str
    experiment_id: str

    @property
    def config(self) -> kfp.V2beta1RuntimeConfig:
        """Parameters and root, as KFP has them."""
        return kfp.V2beta1RuntimeConfig(parameters=dict(self.parameters), pipeline_root=self.root or None)

    def is_of(self, found: Any) -> bool:
        """Returns whether a run, or a recurring one, runs the same."""
        version, config = found.pipeline_version_reference, found.runtime_config
        return (
            version is not None
            and version.pipeline_version_id == self.version.version_id
            and ((config and config.parameters) or {}) == self.parameters
            and ((config and config.pipeline_root) or "") == self.root
        )


def parameters(spec: Json, knows_data: bool, fresh: bool = False, no_baseline: str | None = None) -> Json:
    """Returns the parameters of a run that are not as they were compiled.

    Args:
        spec: pipelineSpec.
        knows_data: Whether the data were looked at: else each run reads them anew.
        fresh: Run every stage.
        no_baseline: Why not to compare with the last blessed model.

    Raises:
        UserError: A reason without a word.
    """
    if no_baseline is not None and not no_baseline.strip():
        raise UserError('--no-baseline: say why, for the report, such as --no-baseline "labels were corrected"')
    given: Json = {} if knows_data else {DATA_FINGERPRINT: RUN_ID}
    given |= {CODE: RUN_ID} if fresh else {}
    given |= {NO_BASELINE: no_baseline} if no_baseline else {}
    known = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    return {name: value for name, value in given.items() if name in known}


def begin(client: Client, task: str, order: Order) -> tuple[str, bool]:
    """Returns the id of a run, and whether it is new: a run of the same that is under way is not begun again.

    Raises:
        UserError: As by the client.
    """
    if known := under_way(client, order):
        return known, False
    run = kfp.V2beta1Run(
        display_name=f"{task} {new_run_id()}",
        experiment_id=order.experiment_id,
        pipeline_version_reference=order.version.reference,
        runtime_config=order.config,
    )
    try:
        run_id: str = client.call(client.runs.run_service_create_run, run).run_id
    except ServerUnavailable as error:
        raise ServerUnavailable(
            f"{error} Whether the run has begun is not known: the same command begins it, or finds it under way"
        ) from None
    return run_id, True


def under_way(client: Client, order: Order) -> str | None:
    """Returns the id of the newest run of the same that has not ended; None if there is none."""
    newest = client.call(
        client.runs.run_service_list_runs,
        experiment_id=order.experiment_id,
        sort_by="created_at desc",
        page_size=_NEWEST,
    )
    for run in newest.runs or ():
        if run.state in _UNDER_WAY and order.is_of(run):
            found: str = run.run_id
            return found
    return None
