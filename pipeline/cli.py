"""The `multihead` command. Heavy imports happen inside commands: `--help` answers at once."""

from __future__ import annotations

import dataclasses
import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
# Of a path that was given and that the system does not let anyone, or this user, look at.
_REFUSED_PATH = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)
TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="A folder with task.yaml, or a shipped task's name.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Overrides a key of task.yaml; may be given several times."),
]
DataOption = Annotated[Path | None, typer.Option(help="File or folder of rows; data/TASK if not given.")]
OutputOption = Annotated[Path | None, typer.Option(help="The run's folder; runs/TASK if not given.")]
BeamOption = Annotated[
    list[str] | None,
    typer.Option("--beam-option", metavar="NAME=VALUE", help="An option for Beam, such as direct_num_workers=2."),
]
WindowOption = Annotated[int | None, typer.Option(min=1, help="How many spans, counted back; 1 if not given.")]
SplitByOption = Annotated[
    Literal["span"] | None, typer.Option(help="Train on older spans of the window, judge on the newest.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait while another run holds the folder.")]
WaitAtMostOption = Annotated[
    float | None, typer.Option(min=0, metavar="SECONDS", help="Wait that long at most; then exit with 5.")
]
NotifyOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL", envvar="MULTIHEAD_NOTIFY", help="A webhook that is told of failure, refusal and drift, as JSON."
    ),
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
    except OSError as error:
        if error.errno not in _REFUSED_PATH:
            raise
        typer.echo(f"{error.filename}: {error.strerror}", err=True)
        code = UserError.exit_code
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
    beam_option: BeamOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run every stage, whatever earlier runs have done.")] = False,
    no_baseline: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Do not compare with the last blessed model; the report says why."),
    ] = None,
    span: Annotated[str | None, typer.Option(help="The newest span to read; the latest if not given.")] = None,
    window: WindowOption = None,
    split_by: SplitByOption = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="SPAN", help="Make up for every span from here on, each a run.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="SPAN", help="Where --from ends.")] = None,
    if_new: Annotated[
        bool, typer.Option("--if-new", help="Do nothing if these spans, task and code have a verdict already.")
    ] = False,
    wait: WaitOption = False,
    wait_at_most: WaitAtMostOption = None,
    notify: NotifyOption = None,
) -> None:
    """Run the whole pipeline: ingest, validate, transform, train, evaluate, judge, push.

    Where the task says data.spans, it reads a window of spans, such as days. With --from, runs that have a verdict are
    left out, and the first that fails is the last.

    Exit code: 0 pushed, 2 bad input or configuration, 3 the data contradicts its schema, 4 the model was refused,
    5 another run holds the folder, 1 anything else.
    """
    from pipeline import execute, session, windows
    from pipeline.notify import Webhook
    from pipeline.outcomes import failures_told
    from schema.contract import find_task, load_contract

    webhook = Webhook.parse(notify) if notify else None
    with failures_told(task, webhook):
        contract = (windows.load_by_span if split_by else load_contract)(find_task(task), overrides or ())
    with failures_told(contract.task.task, webhook, session.run_folder(contract, output)):
        anew = "--fresh" if fresh else "--no-baseline" if no_baseline else None
        wanted = windows.Wanted(span, window, first, last, if_new, anew)
        windows.check(contract, wanted)
        config = session.configure(contract, data, output, fresh, _beam_options(beam_option), no_baseline)
        runs, impossible = windows.candidates(contract, config, wanted)
        for sentence in impossible:
            typer.echo(sentence)
        with session.hold(config, _seconds(wait, wait_at_most)) as run_id:
            if first is not None or if_new:
                reports = execute.run_pending(contract, runs, webhook)
            else:
                reports = [execute.run_once(contract, dataclasses.replace(runs[0], run_id=run_id), webhook)]
    if not all(report["blessed"] for report in reports):
        raise typer.Exit(_NOT_BLESSED)


@app.command(epilog='Example: multihead schedule flights --cron "0 2 * * *" --timezone Europe/Berlin')
def schedule(
    task: TaskArgument,
    cron: Annotated[
        str, typer.Option(metavar='"MINUTE HOUR DAY MONTH WEEKDAY"', help="When runs are due, as cron has it.")
    ],
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="By whose clock, such as Europe/Berlin; this machine's.")
    ] = None,
    misfire: Annotated[
        int | None,
        typer.Option(min=1, metavar="SECONDS", help="How late a run may begin, else it is left out; six hours."),
    ] = None,
    data: DataOption = None,
    output: OutputOption = None,
    overrides: SetOption = None,
    window: WindowOption = None,
    split_by: SplitByOption = None,
    beam_option: BeamOption = None,
    notify: NotifyOption = None,
    now: Annotated[bool, typer.Option("--now", help="Begin the first run at once.")] = False,
    what: Annotated[
        Literal["systemd", "cron", "kubernetes"] | None,
        typer.Option("--print", help="Print a unit, a line of crontab or a CronJob that does it, and run nothing."),
    ] = None,
    image: Annotated[str | None, typer.Option(help="Of multihead, for --print kubernetes.")] = None,
) -> None:
    """Run a task by the clock, as a service in the foreground, until SIGTERM or Ctrl-C.

    Every run is `multihead run` in a process of its own, with --if-new where the data has spans; while one runs, the
    next is left out. A run that is stopped with the service goes on when it is started again.

    Exit code: 0 stopped, 2 bad input or configuration, 5 another schedule runs in the folder.
    """
    from pipeline import session, windows
    from pipeline.notify import Webhook
    from pipeline.schedule import start
    from pipeline.schedule.cron import Cron
    from pipeline.schedule.plan import Folders, Options, Plan
    from pipeline.schedule.service import MISFIRE
    from schema.contract import find_task, load_contract

    when = Cron.parse(cron, timezone)
    if notify:
        Webhook.parse(notify)
    folder = find_task(task)
    contract = (windows.load_by_span if split_by else load_contract)(folder, overrides or ())
    windows.check(contract, windows.Wanted(window=window))
    has_spans = contract.task.data.spans is not None
    settings = tuple(overrides or ()), tuple(beam_option or ())
    options = Options(task, data, output, *settings, window=window, split_by=split_by, if_new=has_spans)
    name, run = contract.task.task, session.run_folder(contract, output)
    plan = Plan(name, options, when, misfire or MISFIRE, notify)
    if what:
        typer.echo(start.printed(what, plan, Folders(folder, data or Path("data") / name, run), image), nl=False)
    else:
        start.serve(plan, run, now)


@app.command(epilog="Example: multihead backtest flights --from 2013-03-02 --to 2013-04-27 --every 7d --window 60d")
def backtest(
    task: TaskArgument,
    first: Annotated[str, typer.Option("--from", metavar="SPAN", help="Span of the first run.")],
    last: Annotated[str, typer.Option("--to", metavar="SPAN", help="No run is due after it.")],
    every: Annotated[str, typer.Option(metavar="DAYS", help="From one run to the next, such as 7 or 7d.")],
    window: Annotated[str, typer.Option(metavar="DAYS", help="Spans that every run reads, such as 60 or 60d.")],
    split_by: Annotated[
        Literal["span", "task"], typer.Option(help="As --split-by span of `run`, or as the task says.")
    ] = "span",
    data: DataOption = None,
    output: Annotated[Path | None, typer.Option(help="Folder of the replay; runs/TASK-backtest if not given.")] = None,
    overrides: SetOption = None,
    beam_option: BeamOption = None,
    wait: WaitOption = False,
    wait_at_most: WaitAtMostOption = None,
) -> None:
    """Replay a schedule over past spans, and measure what it served on the days after, against training once.

    Writes backtest.json and backtest.html after every run. The same command goes on where it was interrupted.

    Exit code: 0 replayed to the end, whatever the verdicts; 2 bad input or configuration, 3 rows of a later day would
    be used, 5 another run holds the folder, 1 a run failed, or anything else.
    """
    from pipeline import session, windows
    from pipeline.backtest import plan as plans
    from pipeline.backtest.replay import replay
    from schema.contract import find_task, load_contract

    contract = (windows.load_by_span if split_by == "span" else load_contract)(find_task(task), overrides or ())
    folder = output or Path("runs") / f"{contract.task.task}-backtest"
    config = session.configure(contract, data, folder, beam_options=_beam_options(beam_option))
    plan = plans.make_plan(contract, config, first, last, every, window)
    for remark in plan.remarks:
        typer.echo(remark)
    with session.hold(config, _seconds(wait, wait_at_most)):
        whole = session.watched(config, lambda progress: replay(contract, plan, config, progress), "stages and runs")
    if not whole:
        raise typer.Exit(1)


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
    wait: WaitOption = False,
    wait_at_most: WaitAtMostOption = None,
) -> None:
    """Train a grid of settings on the same examples and compare them on the test split.

    Nothing is pushed. The same command goes on where it was interrupted, and with more values or seeds trains only what
    is new. Exit codes are those of `run`.
    """
    from pipeline import metadata_copies, session, windows
    from pipeline.compare import grid as grids
    from schema.contract import find_task

    cells = grids.read_grid(find_task(task), grid or (), seeds)
    config = windows.everything(cells[0].contract, session.configure(cells[0].contract, data, output))

    def work(progress: Progress) -> None:
        metadata_copies.protect(config, progress.say)
        with progress.doing("starting TFX and TensorFlow"):
            from pipeline.compare import run
        run.compare(cells, seeds, config, progress)

    with session.hold(config, _seconds(wait, wait_at_most)):
        session.watched(config, work, "stages and trainings")


@app.command(epilog="Example: multihead predict flights --data new.parquet --output predictions.parquet")
def predict(
    task: TaskArgument,
    data: Annotated[Path, typer.Option(help="File or folder of rows; label columns may be absent.")],
    output: Annotated[
        Path, typer.Option(help="One file if its name ends in .parquet, replaced if there; else a new folder of files.")
    ],
    version: Annotated[int | None, typer.Option(help="A served version; the latest if not given.")] = None,
    run: Annotated[Path | None, typer.Option(help="The run's folder; runs/TASK if not given.")] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column to keep beside the answers; all but images if not given."),
    ] = None,
    beam_option: BeamOption = None,
) -> None:
    """Predict rows with the latest pushed model: the columns kept, and per head its label and scores, as Parquet.

    A row that cannot be predicted goes to a side file, OUTPUT with .rejected.parquet at the end, with the reason.
    Exit code: 0 if any row was predicted, 2 bad input or configuration, 1 anything else.
    """
    from pipeline import session
    from pipeline.predict.command import prepare
    from schema.contract import find_task, load_contract

    contract = load_contract(find_task(task))
    config = session.configure(contract, data, run, beam_options=_beam_options(beam_option))
    work = prepare(contract, config, output, version, keep or ())
    session.watched(config, work, None)


@app.command(epilog="Example: multihead serve flights --port 8501")
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
    or the address cannot be listened at.
    """
    from pipeline.serve.server import serve
    from schema.contract import find_task, load_contract

    name = load_contract(find_task(task)).task.task
    serve(name, (run or Path("runs") / name) / "serving", host, port, max_rows, max_body, poll)


@app.command(epilog='Example: multihead rollback flights --reason "half of Tuesday was missing"')
def rollback(
    task: TaskArgument,
    output: OutputOption = None,
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
    with session.hold(config, _seconds(wait, wait_at_most), mend):
        done = roll_back(config.serving, to, reason, config.run_id)
    typer.echo(f"rolled back from {describe(done.left)} to {describe(done.to)}")
    typer.echo(f"served now: {config.serving / str(done.now.version)}")


@app.command(epilog="Example: multihead report runs/flights --html report.html")
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
    _console().print(rendered)
    if html:
        from pipeline.report import page

        typer.echo(f"page: {page.write(html, found)}")


def _seconds(wait: bool, at_most: float | None) -> float | None:
    """Returns how long to wait for another run: not at all, so many seconds, or None for as long as it takes."""
    return None if wait and at_most is None else at_most or 0


def _beam_options(given: list[str] | None) -> tuple[str, ...]:
    """Returns options as Beam reads them; two dashes in front are welcome, and not needed."""
    return tuple(f"--{option.removeprefix('--')}" for option in given or ())


def _console() -> Console:
    """Returns the terminal, where a class called [red] or :cat: stays as it is."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)
