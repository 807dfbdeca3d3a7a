"""`multihead gc`: says what of old runs nobody needs any more, and removes it if asked to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import typer
from rich import filesize

from pipeline import session
from pipeline.config import RunConfig
from pipeline.retention.apply import apply
from pipeline.retention.facts import check, read_facts
from pipeline.retention.plan import Plan, make_plan
from pipeline.retention.size import Sizes, measure
from schema.errors import UserError

_MEND_BUSY = "give the same command again when it has ended"


def collect(config: RunConfig, keep: int, repeat: str | None) -> None:
    """Lists what can go, and removes it.

    Args:
        config: The run's folder.
        keep: How many runs with a verdict are kept.
        repeat: The command that removes what is listed; None if this is it.

    Raises:
        RunFolderBusy: Something is to be removed, and a run holds the folder.
        UserError: There was no run, or the folder is not as runs leave it.
    """
    check(config)  # Before the folder is held, which makes it.
    if repeat is not None:
        if _show(config, _plan(config, keep)):
            typer.echo(f"nothing was removed yet; this does it: {repeat}")
        return
    with session.hold(config, mend=_MEND_BUSY):
        plan = _plan(config, keep)
        if _show(config, plan):
            apply(config, plan.removals)
            typer.echo("removed")


def _plan(config: RunConfig, keep: int) -> Plan:
    plan = make_plan(read_facts(config), keep)
    if plan.outside:
        raise UserError(
            f"{config.output}: was moved or copied since its last verdict, of which {plan.outside[0]} is a part; move "
            "it back, or come to a verdict where it is now by `multihead run TASK --fresh`"
        )
    return plan


def _show(config: RunConfig, plan: Plan) -> bool:
    """Shows a plan; returns whether there is something to remove."""
    sizes = measure(config.artifacts / removal.place for removal in plan.removals)
    for line in lines(config.artifacts, plan, sizes):
        typer.echo(line)
    return bool(plan.removals)


def lines(folder: Path, plan: Plan, sizes: Sizes) -> Iterator[str]:
    """Returns a plan as text.

    Args:
        folder: Of artifacts.
        plan: What stays and what goes.
        sizes: Of what goes.
    """
    for run, why in plan.kept.items():
        yield f"keeps run {run}: {why}"
    for why, group in groupby(zip(plan.removals, sizes.held, strict=True), key=lambda pair: pair[0].why):
        yield f"{why}:"
        for removal, size in group:
            yield f"  {filesize.decimal(size):>10}  {folder / removal.place}"
    if not plan.removals:
        yield "nothing to remove"
        return
    shared = sizes.total - sizes.freed
    rest = f", of which {filesize.decimal(shared)} stay: other windows share the files" if shared else ""
    yield f"{len(plan.removals)} to remove, {filesize.decimal(sizes.total)}{rest}"
