"""From the options of `multihead schedule` to the service, or to what another scheduler needs."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import typer
from filelock import FileLock, Timeout

from pipeline.schedule import units
from pipeline.schedule.plan import Folders, Plan, executable
from pipeline.schedule.service import Service
from schema.errors import RunFolderBusy, UserError


def serve(plan: Plan, folder: Path, at_once: bool) -> None:
    """Runs a task by the clock until SIGTERM or SIGINT.

    Args:
        plan: What is run, and when.
        folder: The run's folder.
        at_once: Whether the first run is due now.

    Raises:
        RunFolderBusy: Another schedule runs in this folder.
        UserError: The folder cannot be written to.
    """

    def say(sentence: str) -> None:
        typer.echo(f"{datetime.datetime.now(plan.cron.zone):%Y-%m-%d %H:%M:%S} {sentence}")

    lock = FileLock(folder / ".schedule.lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise RunFolderBusy(f"{folder}: another schedule runs there; stop it, or give another --output") from None
    except OSError as error:
        raise UserError(f"{folder}: cannot be used as a run's folder ({error.strerror or error})") from None
    with lock:
        Service(plan, [executable(), *plan.options.run()], folder, say).serve(at_once)


def printed(what: str, plan: Plan, folders: Folders, image: str | None) -> str:
    """Returns what another scheduler needs.

    Args:
        what: `systemd`, `cron` or `kubernetes`.
        plan: What is run, and when.
        folders: Where it reads and writes.
        image: Of multihead, for Kubernetes.
    """
    there = dataclasses.replace(plan, options=plan.options.absolute(folders))
    if what == "systemd":
        return units.systemd(there, executable())
    return units.crontab(there, executable()) if what == "cron" else units.kubernetes(there, image)
