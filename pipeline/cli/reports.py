"""Commands on reports: `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
