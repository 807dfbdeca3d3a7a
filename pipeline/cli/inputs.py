"""Commands on what a run starts from: `data`, `validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.options import SetOption, TaskArgument
from pipeline.cli.terminal import terminal
from pipeline.datasets import DATASETS


def data(
    name: Annotated[str, typer.Argument(metavar="NAME", help=", ".join(DATASETS))],
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to; data/NAME if not given, data/NAME_by_day with --spans day.")
    ] = None,
    spans: Annotated[
        Literal["day"] | None, typer.Option(help="Write a folder per day, date=YYYY-MM-DD, of the flights.")
    ] = None,
) -> None:
    """Write a real data set as Parquet."""
    from pipeline.datasets import make_dataset

    made = make_dataset(name, output or Path("data") / (f"{name}_by_{spans}" if spans else name), spans)
    typer.echo(f"{made.path}: {made.rows:,} rows, {len(made.columns)} columns")


def validate(task: TaskArgument, overrides: SetOption = None) -> None:
    """Check task.yaml and schema.pbtxt, and show what they say."""
    from pipeline.report.task_tables import render
    from schema.contract import find_task, load_contract

    terminal().print(render(load_contract(find_task(task), overrides or ())))
