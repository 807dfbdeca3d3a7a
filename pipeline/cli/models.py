"""Commands on pushed models: `predict`, `serve`, `rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import (
    BeamOption,
    ProfileOption,
    TaskArgument,
    WaitAtMostOption,
    WaitOption,
    place_of,
    seconds,
)


def predict(
    task: TaskArgument,
    data: Annotated[
        str,
        typer.Option(
            metavar="PATH|URI",
            help="File or folder of rows, here or as s3://bucket/folder; label columns may be absent.",
        ),
    ],
    output: Annotated[
        Path, typer.Option(help="One file if its name ends in .parquet, replaced if there; else a new folder of files.")
    ],
    version: Annotated[int | None, typer.Option(help="A served version; the latest if not given.")] = None,
    run: Annotated[Path | None, typer.Option(help="The run's folder; runs/TASK if not given.")] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column to keep beside the answers; all but images if not given."),
    ] = None,
    profile: ProfileOption = None,
    beam_option: BeamOption = None,
) -> None:
    """Predict rows with the latest pushed model: the columns kept, and per head its label and scores, as Parquet.

    A row that cannot be predicted goes to a side file, OUTPUT with .rejected.parquet at the end, with the reason.
    Exit code: 0 if any row was predicted, 2 bad input or configuration, 1 anything else.
    """
    from pipeline import session
    from pipeline.predict.command import prepare
    from pipeline.profiles.find import find_profile
    from schema.contract import find_task, load_contract

    contract = load_contract(find_task(task))
    config = session.configure(contract, place_of(data), run, profile=find_profile(profile, beam_option or ()))
    work = prepare(contract, config, output, version, keep or ())
    session.watched(config, work, None)


def serve(
    task: TaskArgument,
    run: Annotated[Path | None, typer.Option(help="The run's folder; runs/TASK if not given.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; any but this machine's own is open to others.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8501,
    max_rows: Annotated[int, typer.Option(min=1, help="Rows of a request at most.")] = 1024,
    max_body: Annotated[int, typer.Option(min=1, metavar="BYTES", help="Of a request at most.")] = 32 * 2**20,
    poll: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Between looks for a new version.")] = 2.0,
) -> None:
    """Serve the latest pushed model by TensorFlow Serving's REST protocol, and follow new versions.

    Runs until SIGTERM or Ctrl-C, finishes the requests that are running, and exits with 0; with 2 if there is no model,
    it is of another task, or the address cannot be listened at.
    """
    from pipeline.serve.server import serve
    from schema.contract import find_task, load_contract

    name = load_contract(find_task(task)).task.task
    serve(name, (run or Path("runs") / name) / "serving", host, port, max_rows, max_body, poll)


def rollback(
    task: TaskArgument,
    output: Annotated[
        Path | None,
        typer.Option("--run", "--output", help="The run's folder, by either name; runs/TASK if not given."),
    ] = None,
    to: Annotated[
        int | None, typer.Option(metavar="VERSION", help="The version to serve again; if not given, the one before.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Kept in the history, the model card and later reports.")] = "",
    wait: WaitOption = False,
    wait_at_most: WaitAtMostOption = None,
) -> None:
    """Serve an earlier blessed model again, under a new version number that servers follow at once.

    Given again, it goes one model further back, not to and fro; --to reaches every version that is there, also one that
    was taken back. The next run on the same task and data will not push what was taken back, unless --fresh is given.

    Exit code: 0 rolled back, 2 nothing to go back to, 5 a run holds the folder: stop it, it goes on later, or --wait.
    """
    from components.pusher.folder import latest
    from components.pusher.rollback import describe, roll_back
    from pipeline import session
    from pipeline.config import RunConfig
    from schema.contract import find_task, load_contract

    contract = load_contract(find_task(task))
    name = contract.task.task
    config = RunConfig(Path("data") / name, session.run_folder(contract, output), session.new_run_id())
    latest(config.serving)  # Or else say so before a run's folder is made.
    mend = (
        "stop it, the same command goes on later from the finished stages, and roll back then; "
        "or let the roll-back wait for it by --wait"
    )
    with session.hold(config, seconds(wait, wait_at_most), mend):
        done = roll_back(config.serving, to, reason, config.run_id)
    typer.echo(f"rolled back from {describe(done.left)} to {describe(done.to)}")
    typer.echo(f"served now: {config.serving / str(done.now.version)}")
