"""Runs that come again by the clock of a server of Kubeflow Pipelines (KFP): one recurring run a task, of its name.

KFP cannot change a recurring run, only switch it on and off: a change is a new one in the place of the old.
"""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from typing import Any

from pipeline.runners.kubeflow.client import Client, kfp, named
from pipeline.runners.kubeflow.submit import Order
from pipeline.schedule.cron import Cron
from schema.errors import UserError

_ENABLE, _DISABLE = "ENABLE", "DISABLE"
_ENABLED = "ENABLED"
# One run at a time; KFP takes a text.
_AT_ONCE = "1"
_SECOND = "0 "


def six_fields(cron: Cron) -> str:
    """Returns a cron expression as KFP takes it: seconds first.

    Five fields are not refused but mean other times. KFP (github.com/robfig/cron 1.2) knows no 7 for Sunday, hence the
    days of the week by number.
    """
    return f"{_SECOND}{cron.portable}"


@dataclasses.dataclass(frozen=True)
class Applied:
    """A recurring run as it is now.

    Attributes:
        recurring_id: Its id.
        change: What was done: `created`, `changed`, `enabled`, `disabled`, or `unchanged`.
        is_enabled: Whether it begins runs.
    """

    recurring_id: str
    change: str
    is_enabled: bool


def find(client: Client, name: str) -> list[Any]:
    """Returns the recurring runs of a name, the newest first: more than one if a change was broken off.

    Raises:
        UserError: As by the client.
    """
    scope = {"namespace": client.namespace} if client.namespace else {}
    listed = client.every(
        client.recurring.recurring_run_service_list_recurring_runs, "recurring_runs", filter=named(name), **scope
    )
    return sorted(listed, key=lambda found: found.created_at, reverse=True)


def is_enabled(found: Any) -> bool:
    """Returns whether a recurring run begins runs."""
    return bool(found.status == _ENABLED)


def apply(client: Client, name: str, cron: Cron, order: Order, enable: bool | None) -> Applied:
    """Creates the recurring run of a name, or makes the one that there is what it is to be.

    At no time are two enabled, and whatever the server refuses or breaks off, what was enabled is so again: the new one
    is made switched off, so that the server has looked at it before the old one is touched.

    Args:
        client: Of the server.
        name: Of the recurring run.
        cron: When runs are due.
        order: What runs.
        enable: Whether it begins runs; None for as it did, and for yes if it is new.

    Raises:
        UserError: As by the client.
    """
    known = find(client, name)
    was_enabled = any(map(is_enabled, known))
    enabled = enable if enable is not None else was_enabled or not known
    same = sorted((found for found in known if _is_same(found, cron, order)), key=is_enabled)
    kept = same[-1].recurring_run_id if same else _create(client, name, cron, order)
    others = [found for found in known if found.recurring_run_id != kept]
    on = [other.recurring_run_id for other in others if is_enabled(other)]
    with ExitStack() as undo:  # What is registered last is undone first.
        for other in on:
            undo.callback(_switch, client, other, True)
        if same:
            undo.callback(_switch, client, kept, is_enabled(same[-1]))
        else:
            undo.callback(_delete, client, kept)
        for other in on:
            _switch(client, other, False)
        if enabled != bool(same and is_enabled(same[-1])):
            _switch(client, kept, enabled)
        undo.pop_all()
    for found in others:
        _delete(client, found.recurring_run_id)
    if not known:
        change = "created"
    elif not same or others:
        change = "changed"
    elif enabled != was_enabled:
        change = "enabled" if enabled else "disabled"
    else:
        change = "unchanged"
    return Applied(kept, change, enabled)


def switch(client: Client, name: str, enable: bool) -> Applied:
    """Lets the recurring run of a name begin runs, or lets it be.

    Raises:
        UserError: There is none, or as by the client.
    """
    newest, *others = _found(client, name)
    was_enabled = is_enabled(newest)
    for other in filter(is_enabled, others):  # Left by a change that was broken off.
        _switch(client, other.recurring_run_id, False)
    if was_enabled != enable:
        _switch(client, newest.recurring_run_id, enable)
    word = "unchanged" if was_enabled == enable else "enabled" if enable else "disabled"
    return Applied(newest.recurring_run_id, word, enable)


def delete(client: Client, name: str) -> int:
    """Deletes the recurring runs of a name; runs that it has begun stay. Returns how many there were.

    Raises:
        UserError: There is none, or as by the client.
    """
    known = _found(client, name)
    for found in known:
        _delete(client, found.recurring_run_id)
    return len(known)


def describe(client: Client, found: Any) -> str:
    """Returns a recurring run in a line: whether it is on, when it is due, and what runs."""
    schedule = found.trigger and found.trigger.cron_schedule
    cron: str = schedule.cron if schedule else "no cron"
    when = f'"{cron.removeprefix(_SECOND)}"' if cron.startswith(_SECOND) else f'"{cron}", seconds first'
    version = found.pipeline_version_reference
    what = f"version {version.pipeline_version_id}" if version and version.pipeline_version_id else "no fixed version"
    page = client.server.recurring_page(found.recurring_run_id)
    return f"{found.display_name}: {'enabled' if is_enabled(found) else 'disabled'}, {when}, {what}, {page}"


def _found(client: Client, name: str) -> list[Any]:
    known = find(client, name)
    if not known:
        raise UserError(f"{client.server.endpoint}: has no recurring run '{name}'; create it by --cron")
    return known


def _is_same(found: Any, cron: Cron, order: Order) -> bool:
    schedule = found.trigger and found.trigger.cron_schedule
    return (
        order.is_of(found)
        and schedule is not None
        and schedule.cron == six_fields(cron)
        and str(found.max_concurrency) == _AT_ONCE
        and bool(found.no_catchup)
        and found.experiment_id == order.experiment_id
    )


def _create(client: Client, name: str, cron: Cron, order: Order) -> str:
    """Creates a recurring run that is switched off; returns its id."""
    wanted = kfp.V2beta1RecurringRun(
        display_name=name,
        namespace=client.namespace,
        experiment_id=order.experiment_id,
        # With its id, the version is the same in every run; else each run would take the latest at that time.
        pipeline_version_reference=order.version.reference,
        runtime_config=order.config,
        trigger=kfp.V2beta1Trigger(cron_schedule=kfp.V2beta1CronSchedule(cron=six_fields(cron))),
        mode=_DISABLE,
        max_concurrency=_AT_ONCE,
        no_catchup=True,
    )
    made: str = client.call(client.recurring.recurring_run_service_create_recurring_run, wanted).recurring_run_id
    return made


def _switch(client: Client, recurring_id: str, enable: bool) -> None:
    api = client.recurring
    method = (
        api.recurring_run_service_enable_recurring_run if enable else api.recurring_run_service_disable_recurring_run
    )
    client.call(method, recurring_id)


def _delete(client: Client, recurring_id: str) -> None:
    client.call(client.recurring.recurring_run_service_delete_recurring_run, recurring_id)
