"""The `multihead` command. Heavy imports happen inside commands: `--help` answers at once."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schema.errors import RunFolderBusy, UserError

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.config import RunConfig
    from schema.contract import Contract

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
    name: Annotated[str, typer.Argument(metavar="NAME", help="flights")],
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
    data: Annotated[Path | None, typer.Option(help="File or folder of rows; data/TASK if not given.")] = None,
    output: Annotated[Path | None, typer.Option(help="The run's folder; runs/TASK if not given.")] = None,
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
    from pipeline.config import RunConfig
    from schema.contract import find_task, load_contract

    contract = load_contract(find_task(task), overrides or ())
    name = contract.task.task
    source = data or _default_data(name)
    _check_data(source, contract)
    config = RunConfig(
        data=source,
        output=output or Path("runs") / name,
        run_id=datetime.datetime.now().strftime("%Y%m%d-%H%M%S-%f"),
        fresh=fresh,
        beam_options=tuple(f"--{option.removeprefix('--')}" for option in beam_option or ()),
    )
    with _hold(config):
        report = _run(contract, config)
    if not report["blessed"]:
        raise typer.Exit(_NOT_BLESSED)


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


def _default_data(name: str) -> Path:
    """Returns data/NAME, made first if it is a real data set that is not there yet."""
    from pipeline.datasets import DATASETS, make_dataset

    folder = Path("data") / name
    if name in DATASETS and not any(folder.glob("*.parquet")):
        made = make_dataset(name, folder)
        typer.echo(f"made {made.path}: {made.rows:,} rows")
    return folder


def _check_data(source: Path, contract: Contract) -> None:
    """Fails on data that cannot be read, before anything heavy is imported."""
    from components.example_gen.source import find_files, find_shards

    file_format = contract.task.data.format
    find_shards(find_files(source, file_format), file_format)


@contextmanager
def _hold(config: RunConfig) -> Iterator[None]:
    """Holds the run's folder: two runs in it would write over each other."""
    from filelock import FileLock, Timeout

    holder = config.output / ".holder"
    lock = FileLock(config.output / ".lock", timeout=0)
    try:
        config.output.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        holder.write_text(f"run {config.run_id}, process {os.getpid()}", encoding="utf-8")
    except Timeout:
        who = holder.read_text(encoding="utf-8") if holder.is_file() else "another run"
        raise RunFolderBusy(f"{config.output}: held by {who}; wait for it, or give another --output") from None
    except OSError as error:
        raise UserError(f"{config.output}: cannot be used as a run's folder ({error.strerror or error})") from None
    try:
        yield
    finally:
        lock.release()


def _run(contract: Contract, config: RunConfig) -> dict[str, Any]:
    """Runs the pipeline with a line per stage; returns the report."""
    from pipeline.progress import Progress
    from pipeline.quiet import message, output_to, root_cause

    with output_to(config.log) as console:
        progress = Progress(console)
        try:
            with progress.doing("starting TFX and TensorFlow"):
                from pipeline.run import run_task
            found = run_task(contract, config, progress.start, progress.finish)
        except KeyboardInterrupt:
            _stop(console, progress, config, "interrupted; the same command goes on from the finished stages", 1)
        except Exception as error:
            import logging

            logging.exception("the run failed")
            cause = root_cause(error)
            code = cause.exit_code if isinstance(cause, UserError) else 1
            _stop(console, progress, config, message(cause), code)
        progress.close(found, config)
    return found


def _stop(console: Console, progress: Any, config: RunConfig, sentence: str, code: int) -> None:
    progress.fail(sentence)
    console.print(f"log: {config.log}", soft_wrap=True, markup=False)
    raise typer.Exit(code)
