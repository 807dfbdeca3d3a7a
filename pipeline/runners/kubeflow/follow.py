"""A run on a server of Kubeflow Pipelines (KFP), followed to its end: a line per stage, the exit code of a local run.

KFP tells of each node of the Argo workflow: of a stage `X` there are `X-driver`, `X` and `executor`, all in one list,
in which an `executor` does not say whose it is (KFP 2.17, backend/src/apiserver/server/api_converter.go).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pipeline.progress import Progress
from pipeline.runners.kubeflow.cause import Cause, causes
from pipeline.runners.kubeflow.client import Client
from schema.errors import ServerUnavailable, UserError

_FAILED = 1
_ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
_UNDER_WAY = ("PENDING", "RUNNING")
_DRIVER = "-driver"
_EXECUTOR = "executor"
# Seconds between two looks, and for how long a server may be away, restarted for instance.
POLL = 5.0
PATIENCE = 600.0


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        code: The exit code of a local run that ends so.
        sentences: What there is to say about it.
    """

    code: int
    sentences: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Stage:
    """What became of a stage.

    Attributes:
        state: As KFP calls it.
        seconds: From the start of its driver on.
        is_reused: Whether it was taken from the cache.
    """

    state: str
    seconds: float
    is_reused: bool


def follow(
    client: Client,
    run_id: str,
    names: Collection[str],
    progress: Progress,
    poll: float = POLL,
    patience: float = PATIENCE,
) -> Ended:
    """Shows the stages of a run as they end, until it has ended.

    Args:
        client: Of the server.
        run_id: Of the run.
        names: Of its stages.
        progress: Is shown them.
        poll: Seconds between two looks.
        patience: Seconds for which the server may fail.

    Raises:
        UserError: The server does not tell any more.
    """
    shown: set[str] = set()
    heard = time.monotonic()
    is_last = False
    while True:
        try:
            run = client.call(client.runs.run_service_get_run, run_id)
            heard = time.monotonic()
        except ServerUnavailable:
            if time.monotonic() - heard > patience:
                raise
            time.sleep(poll)
            continue
        found = stages((run.run_details and run.run_details.task_details) or (), names)
        _show(found, shown, progress)
        # The server writes down first that a run has ended, then how its nodes have.
        if run.state in _ENDED and (is_last or all(stage.state in _ENDED for stage in found.values())):
            return _ended(client, run_id, run.state, found)
        is_last = run.state in _ENDED
        time.sleep(poll)


def stages(details: Sequence[Any], names: Collection[str]) -> dict[str, Stage]:
    """Returns what became of the stages that have begun, in the order in which they began.

    Args:
        details: `run_details.task_details`.
        names: Of the stages.
    """
    executed = [detail for detail in details if _is_executor(detail) and detail.state in ("SUCCEEDED", "FAILED")]
    by_name = {detail.display_name: detail for detail in details}
    found = {}
    for detail in sorted(details, key=lambda detail: detail.start_time):
        name = detail.display_name
        driver = by_name.get(f"{name}{_DRIVER}")
        if name not in names and driver is None and name.endswith(_DRIVER) and detail.state == "FAILED":
            name, driver = name.removesuffix(_DRIVER), detail
        if name not in names:
            continue
        begun = driver.start_time if driver else detail.start_time
        # A stage that did something has an executor that ran within its own time.
        is_reused = detail.state == "SUCCEEDED" and not any(
            detail.start_time <= other.start_time and other.end_time <= detail.end_time for other in executed
        )
        found[name] = Stage(detail.state, max((detail.end_time - begun).total_seconds(), 0), is_reused)
    return found


def _is_executor(detail: Any) -> bool:
    """Returns whether it is a container's node, or an attempt of one, such as `executor(1)`."""
    name: str = detail.display_name
    return name.partition("(")[0] == _EXECUTOR


def _show(found: Mapping[str, Stage], shown: set[str], progress: Progress) -> None:
    for name, stage in found.items():
        if name in shown or stage.state not in _ENDED:
            continue
        shown.add(name)
        if stage.state == "FAILED":
            progress.failed(name, f"{stage.seconds:7.0f} s")
        elif stage.state == "SUCCEEDED":
            progress.done(name, f"{stage.seconds:7.0f} s", stage.is_reused)
    if running := [name for name, stage in found.items() if stage.state in _UNDER_WAY]:
        progress.start(", ".join(running))


def _ended(client: Client, run_id: str, state: str, found: Mapping[str, Stage]) -> Ended:
    if state == "SUCCEEDED":
        return Ended(0)
    if state != "FAILED":
        return Ended(_FAILED, (f"the run was ended before its time ({state.lower()})",))
    try:
        known = causes(client, run_id)
    except UserError:  # It says less than the run's page, and is no reason not to say that the run has failed.
        known = []
    if not known:
        failed = [name for name, stage in found.items() if stage.state == "FAILED"] or ["the run"]
        known = [Cause(name, "failed; the server does not say why, its page does", _FAILED) for name in failed]
    return Ended(known[0].code, tuple(f"{cause.stage}: {cause.sentence}" for cause in known))
