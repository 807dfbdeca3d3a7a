"""From the options of `multihead schedule` to the service, or to what another scheduler needs."""

from __future__ import annotations

import datetime
from pathlib import Path

import typer
from filelock import FileLock, Timeout

from pipeline import session, windows
from pipeline.notify import Webhook
from pipeline.schedule import units
from pipeline.schedule.command import Options, executable
from pipeline.schedule.cron import Cron
from pipeline.schedule.service import Service
from schema.contract import Contract
from schema.errors import RunFolderBusy


def serve(contract: Contract, options: Options, cron: Cron, misfire: int, webhook: Webhook | None, now: bool) -> None:
    """Runs a task by the clock until SIGTERM or SIGINT.

    Args:
        contract: The task.
        options: Handed on to every run.
        cron: When runs are due.
        misfire: Seconds after which a run that could not begin is left out.
        webhook: Is told of what people should look at.
        now: Whether the first run is due at once.

    Raises:
        RunFolderBusy: Another schedule runs in this folder.
    """
    folder = session.run_folder(contract, options.output)

    def say(sentence: str) -> None:
        typer.echo(f"{datetime.datetime.now(cron.zone):%Y-%m-%d %H:%M:%S} {sentence}")

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".schedule.lock", timeout=0):
            command = [executable(), *options.run()]
            Service(contract.task.task, command, folder, cron, misfire, webhook, say).serve(now)
    except Timeout:
        raise RunFolderBusy(f"{folder}: another schedule runs there; stop it, or give another --output") from None


def options_of(
    task: str,
    contract: Contract,
    data: Path | None,
    output: Path | None,
    overrides: tuple[str, ...],
    beam: tuple[str, ...],
    window: int | None,
    split_by: str | None,
) -> Options:
    """Returns what every run is given: with spans, `--if-new` among it.

    Raises:
        UserError: An option needs spans, and the data has none.
    """
    windows.check(contract, windows.Wanted(window=window))
    has_spans = contract.task.data.spans is not None
    return Options(task, data, output, overrides, beam, window, split_by, if_new=has_spans)


def printed(
    what: str,
    contract: Contract,
    folder: Path,
    options: Options,
    cron: Cron,
    has_zone: bool,
    misfire: int,
    notify: str | None,
    image: str | None,
) -> str:
    """Returns what another scheduler needs: `systemd`, `cron` or `kubernetes`."""
    task = contract.task.task
    there = options.absolute(
        folder, options.data or Path("data") / task, session.run_folder(contract, options.output)
    )
    if what == "systemd":
        return units.systemd(task, executable(), there, cron, misfire, notify)
    if what == "cron":
        return units.crontab(executable(), there, cron, has_zone, notify)
    return units.kubernetes(task, there, cron, misfire, notify, image)
