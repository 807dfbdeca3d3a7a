"""The `multihead` command. Heavy imports happen inside commands: `--help` answers at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.datasets import DATASETS
from schema.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.progress import Progress

app = typer.Typer(
    name="multihead",
    help="Train, judge and push one model that classifies a row in several ways at once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

_NOT_BLESSED = 4
TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="A folder with task.yaml, or a shipped task's name.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Overrides a key of task.yaml; may be given several times."),
]
DataOption = Annotated[Path | None, typer.Option(help="File or folder of rows; data/TASK if not given.")]
OutputOption = Annotated[Path | None, typer.Option(help="The run's folder; runs/TASK if not given.")]


def main() -> None:
    """Runs the command and turns a user's mistake into a sentence and an exit code."""
    try:
        app()
        code = 0
    except SystemExit as finished:
        code = finished.code if isinstance(finished.code, int) else 1
    except UserError as error:
        _complain(error)
        code = error.exit_code
    if "tensorflow" not in sys.modules:
        sys.exit(code)
    # TensorFlow and ML Metadata may print, or even crash ("pure virtual method called"), while the interpreter shuts
    # down, when everything is written and the exit code is known.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _complain(error: UserError) -> None:
    from schema.problems import TaskError

    if isinstance(error, TaskError):
        count = len(error.problems)
        typer.echo(f"{count} problem{'s' if count > 1 else ''}:", err=True)
    typer.echo(str(error), err=True)


@app.command(epilog="Example: multihead data flights")
def data(
    name: Annotated[str, typer.Argument(metavar="NAME", help=", ".join(DATASETS))],
    output: Annotated[Path | None, typer.Option(help="Folder to write to; data/NAME if not given.")] = None,
) -> None:
    """Write a real data set as Parquet."""
    from pipeline.datasets import make_dataset

    made = make_dataset(name, output or Path("data") / name)
    typer.echo(f"{made.path}: {made.rows:,} rows, {len(made.columns)} columns")


@app.command(epilog="Example: multihead validate flights --set training.epochs=2")
def validate(task: TaskArgument, overrides: SetOption = None) -> None:
    """Check task.yaml and schema.pbtxt, and show what they say."""
    from pipeline.report.task_tables import render
    from schema.contract import find_task, load_contract

    _console().print(render(load_contract(find_task(task), overrides or ())))


@app.command(epilog="Example: multihead run flights --set training.epochs=2 --set heads.cancelled.loss.weight=3")
def run(
    task: TaskArgument,
    data: DataOption = None,
    output: OutputOption = None,
    overrides: SetOption = None,
    beam_option: Annotated[
        list[str] | None,
        typer.Option("--beam-option", metavar="NAME=VALUE", help="An option for Beam, such as direct_num_workers=2."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run every stage, whatever earlier runs have done.")] = False,
) -> None:
    """Run the whole pipeline: ingest, validate, transform, train, evaluate, judge, push.

    Exit code: 0 pushed, 2 bad input or configuration, 3 the data contradicts its schema, 4 a gate refused the model,
    5 another run holds the folder, 1 anything else.
    """
    from pipeline import session
    from schema.contract import find_task, load_contract

    contract = load_contract(find_task(task), overrides or ())
    options = tuple(f"--{option.removeprefix('--')}" for option in beam_option or ())
    config = session.configure(contract, data, output, fresh, options)

    def work(progress: Progress) -> dict[str, Any]:
        with progress.doing("starting TFX and TensorFlow"):
            from pipeline.run import run_task
        report = run_task(contract, config, progress.start, progress.finish)
        progress.close(report, config)
        return report

    with session.hold(config):
        report = session.watched(config, work, "stages")
    if not report["blessed"]:
        raise typer.Exit(_NOT_BLESSED)


@app.command(epilog="Example: multihead compare flights --set trunk.type=shared,independent,mmoe --seeds 3")
def compare(
    task: TaskArgument,
    grid: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE,VALUE", help="Values to compare; several keys make a grid."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Trainings per cell of the grid, seeds from training.seed on.")] = 1,
    data: DataOption = None,
    output: OutputOption = None,
) -> None:
    """Train a grid of settings on the same examples and compare them on the test split.

    Nothing is pushed. The same command goes on where it was interrupted, and with more values or seeds trains only what
    is new. Exit codes are those of `run`.
    """
    from pipeline import session
    from pipeline.compare import grid as grids
    from schema.contract import find_task

    cells = grids.read_grid(find_task(task), grid or (), seeds)
    config = session.configure(cells[0].contract, data, output)

    def work(progress: Progress) -> None:
        with progress.doing("starting TFX and TensorFlow"):
            from pipeline.compare import run
        run.compare(cells, seeds, config, progress)

    with session.hold(config):
        session.watched(config, work, "stages and trainings")


@app.command(epilog="Example: multihead report runs/flights")
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder (its newest report) or a report.json.")],
) -> None:
    """Print what came out of a run: per head its metrics, gates and worst slices."""
    from pipeline.report import document, tables

    file = document.find(run)
    found = document.read(file)
    try:
        rendered = tables.render(found)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file}: not a whole report: {error} is missing or of another form") from None
    _console().print(rendered)


def _console() -> Console:
    """Returns the terminal, where a class called [red] or :cat: stays as it is."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)
