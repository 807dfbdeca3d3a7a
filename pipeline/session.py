"""What surrounds the work of a long command: the data found, the run's folder held, the terminal kept quiet."""

from __future__ import annotations

import datetime
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import typer
from filelock import FileLock, Timeout

from components.example_gen.places import Place
from components.example_gen.source import find_files, find_shards
from pipeline import datasets, holder
from pipeline.config import RunConfig
from pipeline.profiles import job_server
from pipeline.profiles.find import local
from pipeline.profiles.profile import Profile
from pipeline.progress import Progress
from pipeline.quiet import message, output_to, root_cause
from schema.contract import Contract
from schema.errors import RunFolderBusy, UserError

Result = TypeVar("Result")
_MEND_BUSY = "wait for it by --wait, or give another --output"
# Seconds between two looks at a folder that another run holds.
_POLL_SECONDS = 0.5


def configure(
    contract: Contract,
    data: Place | None,
    output: Path | None,
    fresh: bool = False,
    profile: Profile | None = None,
    no_baseline: str | None = None,
) -> RunConfig:
    """Returns where a command reads and writes, after a look at the data: nothing heavy is imported for a wrong path.

    Args:
        contract: The task.
        data: File or folder of rows, here or in a store; data/TASK if None, made first if it is a real data set that is
            not there yet.
        output: The run's folder; runs/TASK if None.
        fresh: Run every stage.
        profile: Where Beam's work is done; in process if None.
        no_baseline: Why not to compare with the last blessed model.

    Raises:
        UserError: There is no data, a reason without a word, or what the profile needs on this machine is not there.
    """
    if no_baseline is not None and not no_baseline.strip():
        raise UserError('--no-baseline: say why, for the report, such as --no-baseline "labels were corrected"')
    name, file_format = contract.task.task, contract.task.data.format
    source = data or _default_data(name)
    if contract.task.data.spans is None:  # Else only the spans that are chosen matter.
        find_shards(find_files(source, file_format), file_format)
    profile = profile or local()
    job_server.check(profile)
    return RunConfig(source, run_folder(contract, output), new_run_id(), fresh, profile, no_baseline)


def run_folder(contract: Contract, output: Path | None) -> Path:
    """Returns the run's folder, runs/TASK if none is given."""
    return output or Path("runs") / contract.task.task


def new_run_id() -> str:
    """Returns a name for a run that begins now; names sort by time."""
    return datetime.datetime.now().strftime("%Y%m%d-%H%M%S-%f")


def _default_data(name: str) -> Path:
    folder = Path("data") / name
    if name in datasets.DATASETS and not any(folder.glob("*.parquet")):
        made = datasets.make_dataset(name, folder)
        typer.echo(f"made {made.path}: {made.rows:,} rows")
    return folder


@contextmanager
def hold(config: RunConfig, wait: float | None = 0, mend: str = _MEND_BUSY) -> Iterator[str]:
    """Holds the run's folder: two runs in it would write over each other.

    Args:
        config: The run.
        wait: Seconds that another run is waited for at most; None for as long as it takes.
        mend: What to do if it is held, the end of a sentence.

    Yields:
        The run's id: a new one if it waited, so that ids sort by when runs began to work.

    Raises:
        RunFolderBusy: Another run holds it.
        UserError: It cannot be written to.
    """
    lock = FileLock(config.output / ".lock")
    run_id = config.run_id
    try:
        config.output.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait == 0:
                raise
            typer.echo(f"{config.output}: held by {holder.who(config.output)}; waiting for it")
            lock.acquire(timeout=-1 if wait is None else wait, poll_interval=_POLL_SECONDS)
            run_id = new_run_id()
            typer.echo(f"{config.output}: free")
        holder.write(config.output, run_id)
    except Timeout:
        still = f"after {wait:g} s still " if wait else ""
        raise RunFolderBusy(f"{config.output}: {still}held by {holder.who(config.output)}; {mend}") from None
    except OSError as error:
        raise UserError(f"{config.output}: cannot be used as a run's folder ({error.strerror or error})") from None
    try:
        yield run_id
    finally:
        holder.clear(config.output)
        lock.release()


def watched(config: RunConfig, work: Callable[[Progress], Result], units: str | None) -> Result:
    """Does the work with a line per step on the terminal, and everything that libraries print in the run's log.

    Args:
        config: Names the log.
        work: Is given the terminal.
        units: What an interrupted run has finished, and would not do again: `stages`; None if nothing.

    Raises:
        typer.Exit: The work failed; the terminal has said why.
    """
    with output_to(config.log) as console, _terminated_as_interrupted():
        progress = Progress(console)
        try:
            return work(progress)
        except KeyboardInterrupt:
            rest = f"the same command goes on from the finished {units}" if units else "nothing was written"
            sentence, code = f"interrupted; {rest}", 1
        except Exception as error:
            logging.exception("the run failed")
            cause = root_cause(error)
            sentence, code = message(cause), cause.exit_code if isinstance(cause, UserError) else 1
        progress.fail(sentence)
        console.print(f"log: {config.log}", soft_wrap=True, markup=False)
    raise typer.Exit(code)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Lets SIGTERM, by which services are stopped, do what Ctrl-C does; elsewhere than in the main thread, nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
