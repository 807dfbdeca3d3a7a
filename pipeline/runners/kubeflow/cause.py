"""Why a run on Kubeflow Pipelines (KFP) failed: our own sentence, and the exit code that a local run would have had.

KFP's launcher ends with 1 whatever a container ends with, and its API v2beta1 has the states of stages alone (KFP 2.17,
backend/src/v2/cmd/launcher-v2, backend/src/apiserver/server/api_converter.go). But a container says its sentence as the
message of its end (pipeline/runners/step/__main__.py), which Argo puts into the workflow that API v1beta1 hands out,
and in its log.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from pipeline.runners.kubeflow.client import Client
from schema.errors import UserError

Json = dict[str, Any]

_FAILED = 1
_FAILED_PHASES = ("Failed", "Error")
# As pipeline.runners.step says it.
_SAID = re.compile(r"multihead: (?P<sentence>.*) \(exit code (?P<code>\d+)\)")


@dataclasses.dataclass(frozen=True)
class Cause:
    """Why a stage failed.

    Attributes:
        stage: Its name.
        sentence: Why.
        code: The exit code of a local run that ends so.
    """

    stage: str
    sentence: str
    code: int


def causes(client: Client, run_id: str) -> list[Cause]:
    """Returns why a run failed, by stage, the first to fail first.

    Raises:
        UserError: The server does not tell.
    """
    detail = client.get(f"/apis/v1beta1/runs/{run_id}", "object")
    manifest = detail.get("pipeline_runtime", {}).get("workflow_manifest") if isinstance(detail, dict) else None
    workflow = json.loads(manifest or "{}")
    return [_cause(client, run_id, workflow, node) for node in failed_pods(workflow)]


def failed_pods(workflow: Json) -> list[Json]:
    """Returns the nodes of pods that made their stages fail, the first to end first, one a stage.

    Args:
        workflow: Of Argo. Its nodes are called WORKFLOW.root.STAGE.executor, with an attempt such as (1) behind where a
            stage is tried again, and WORKFLOW.root.STAGE-driver.
    """
    nodes = workflow.get("status", {}).get("nodes", {}).values()
    failed = [node for node in nodes if node.get("phase") in _FAILED_PHASES]
    names = {node["name"] for node in failed}
    last: dict[str, Json] = {}
    for node in sorted(failed, key=lambda node: str(node.get("finishedAt"))):
        # An attempt that failed is no matter if a later one did not.
        if node.get("type") == "Pod" and node["name"].rpartition(".executor")[0] in ("", *names):
            last[_stage(node)] = node
    return sorted(last.values(), key=lambda node: str(node.get("finishedAt")))


def _stage(node: Json) -> str:
    """Returns the name of a node's stage; `the run` for the driver of all of it."""
    name: str = node["name"]
    parts = name.split(".")
    return parts[2].removesuffix("-driver") if len(parts) > 2 else "the run"


def _cause(client: Client, run_id: str, workflow: Json, node: Json) -> Cause:
    message = " ".join(str(node.get("message") or "failed").split())
    said = _SAID.search(message) or _last_said(client, run_id, _pod(workflow, node))
    if said is None:
        return Cause(_stage(node), message, _FAILED)
    return Cause(_stage(node), said["sentence"], int(said["code"]))


def _last_said(client: Client, run_id: str, pod: str) -> re.Match[str] | None:
    """Returns our sentence in a pod's log, if the log can still be read; only the API server itself hands it out."""
    try:
        log = client.get(f"/apis/v1alpha1/runs/{run_id}/nodes/{pod}/log", "str")
    except UserError:
        return None
    return next(reversed(list(_SAID.finditer(str(log)))), None)


def _pod(workflow: Json, node: Json) -> str:
    """Returns the name of a node's pod, as Argo makes it and KFP looks for it."""
    return f"{workflow['metadata']['name']}-{node.get('templateName')}-{node['id'].rpartition('-')[2]}"
