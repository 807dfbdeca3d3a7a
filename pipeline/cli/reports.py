"""Commands on what runs left: `report`, `gc`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import OutputOption, TaskArgument
from pipeline.cli.terminal import terminal
from schema.errors import UserError


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder (its newest report) or a report.json.")],
    html: Annotated[Path | None, typer.Option(metavar="F", help="Also writes the report as one HTML file.")] = None,
) -> None:
    """Print what came out of a run: per head its metrics, gates and worst slices."""
    from pipeline.report import document, tables

    file = document.find(run)
    found = document.read(file)
    try:
        rendered = tables.render(found)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(f"{file}: not a whole report: {error} is missing or of another form") from None
    terminal().print(rendered)
    if html:
        from pipeline.report import page

        typer.echo(f"page: {page.write(html, found)}")


def gc(
    task: TaskArgument,
    keep: Annotated[int, typer.Option(min=1, metavar="N", help="How many of the newest runs with a verdict to keep.")],
    output: OutputOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; else it is only listed.")] = False,
) -> None:
    """List, or remove by --yes, what old runs left that no kept run, served model or cache needs.

    Beside the N newest runs with a verdict, the newest run of all and the run of the last blessed model are kept whole,
    and of every other served version its model and what judged it. Reports, logs and served versions are not touched.

    Exit code: 0 done, 2 there is no such run's folder, 5 a run holds the folder, 1 anything else.
    """
    from pipeline import session
    from pipeline.config import RunConfig
    from pipeline.retention.command import collect
    from schema.contract import find_task, load_contract

    contract = load_contract(find_task(task))
    folder = session.run_folder(contract, output)
    place = f" --output {shlex.quote(str(output))}" if output else ""
    repeat = None if yes else f"multihead gc {shlex.quote(task)} --keep {keep}{place} --yes"
    collect(RunConfig(Path("data") / contract.task.task, folder, session.new_run_id()), keep, repeat)
