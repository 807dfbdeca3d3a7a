"""Commands that train: `run`, `schedule`, `backtest`, `compare`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.cli.kubeflow import schedule_there
from pipeline.cli.kubeflow_options import (
    AuthorityOption,
    NamespaceOption,
    RootOption,
    ServingOption,
    TokenOption,
    VerifyOption,
    refuse,
)
from pipeline.cli.options import (
    BeamOption,
    DataOption,
    FreshOption,
    NoBaselineOption,
    NotifyOption,
    OutputOption,
    ProfileOption,
    SetOption,
    SplitByOption,
    TaskArgument,
    WaitAtMostOption,
    WaitOption,
    WindowOption,
    place_of,
    seconds,
)
from schema.errors import UserError

if TYPE_CHECKING:
    from pipeline.progress import Progress

_NOT_BLESSED = 4
# Options of `schedule` for this machine alone, and for a server of Kubeflow Pipelines alone.
_HERE = ("timezone", "misfire", "output", "notify", "now", "what")
_THERE = ("enable", "show", "delete", "serving", "pipeline_root")
_SERVER = ("namespace", "token_file", "ssl_ca_cert", "verify_ssl")


def run(
    task: TaskArgument,
    data: DataOption = None,
    output: OutputOption = None,
    overrides: SetOption = None,
    profile: ProfileOption = None,
    beam_option: BeamOption = None,
    fresh: FreshOption = False,
    no_baseline: NoBaselineOption = None,
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
    from pipeline.profiles.find import find_profile
    from schema.contract import find_task, load_contract

    webhook = Webhook.parse(notify) if notify else None
    with failures_told(task, webhook):
        contract = (windows.load_by_span if split_by else load_contract)(find_task(task), overrides or ())
    with failures_told(contract.task.task, webhook, session.run_folder(contract, output)):
        anew = "--fresh" if fresh else "--no-baseline" if no_baseline else None
        wanted = windows.Wanted(span, window, first, last, if_new, anew)
        windows.check(contract, wanted)
        found = find_profile(profile, beam_option or ())
        config = session.configure(contract, place_of(data), output, fresh, found, no_baseline)
        runs, impossible = windows.candidates(contract, config, wanted)
        for sentence in impossible:
            typer.echo(sentence)
        with session.hold(config, seconds(wait, wait_at_most)) as run_id:
            if first is not None or if_new:
                reports = execute.run_pending(contract, runs, webhook)
            else:
                reports = [execute.run_once(contract, dataclasses.replace(runs[0], run_id=run_id), webhook)]
    if not all(report["blessed"] for report in reports):
        raise typer.Exit(_NOT_BLESSED)


def schedule(
    context: typer.Context,
    task: TaskArgument,
    cron: Annotated[
        str | None, typer.Option(metavar='"MINUTE HOUR DAY MONTH WEEKDAY"', help="When runs are due, as cron has it.")
    ] = None,
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
    image: Annotated[str | None, typer.Option(help="Of multihead, for --print kubernetes and --endpoint.")] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="Have Kubeflow Pipelines at this address begin the runs.")
    ] = None,
    enable: Annotated[
        bool | None,
        typer.Option("--enable/--disable", help="With --endpoint: whether runs begin; as before if not given."),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="With --endpoint: say what is there.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="With --endpoint: delete what is there.")] = False,
    serving: ServingOption = "",
    pipeline_root: RootOption = "",
    profile: ProfileOption = None,
    namespace: NamespaceOption = None,
    token_file: TokenOption = None,
    ssl_ca_cert: AuthorityOption = None,
    verify_ssl: VerifyOption = True,
) -> None:
    """Run a task by the clock, as a service in the foreground, until SIGTERM or Ctrl-C.

    Every run is `multihead run` in a process of its own, with --if-new where the data has spans; while one runs, the
    next is left out. A run that is stopped with the service goes on when it is started again.

    With --endpoint nothing runs here: the recurring run of the task's name on Kubeflow Pipelines is created, or changed
    to what is asked for. Data and the other options are then as for `submit`.

    Exit code: 0 stopped, or done; 2 bad input or configuration, 5 another schedule runs in the folder, 1 the server of
    --endpoint cannot be reached.
    """
    from pipeline import session, windows
    from pipeline.notify import Webhook
    from pipeline.profiles.find import find_profile
    from pipeline.schedule import start
    from pipeline.schedule.cron import Cron
    from pipeline.schedule.plan import Folders, Options, Plan
    from pipeline.schedule.service import MISFIRE
    from schema.contract import find_task, load_contract

    found = find_profile(profile, beam_option or ())
    if endpoint:
        refuse(context, _HERE, "is for runs on this machine, not for those that --endpoint begins")
        from pipeline.runners.kubeflow.server import Server

        server = Server.parse(endpoint, namespace, token_file, ssl_ca_cert, verify_ssl)
        there: dict[str, Any] = {"image": image, "data": data and str(data), "serving": serving, "window": window}
        there |= {"root": pipeline_root, "looks": False}
        contract = (windows.load_by_span if split_by else load_contract)(find_task(task), overrides or ())
        schedule_there(server, contract, there, found, cron, enable, show, delete)
        return
    refuse(context, (*_THERE, *_SERVER), "is for runs on Kubeflow Pipelines; give its address by --endpoint")
    if cron is None:
        raise UserError('--cron: say when runs are due, such as "0 2 * * *", at two every night')
    when = Cron.parse(cron, timezone)
    if notify:
        Webhook.parse(notify)
    folder = find_task(task)
    contract = (windows.load_by_span if split_by else load_contract)(folder, overrides or ())
    windows.check(contract, windows.Wanted(window=window))
    has_spans = contract.task.data.spans is not None
    settings = tuple(overrides or ()), tuple(beam_option or ())
    source = place_of(data)
    options = Options(task, source, output, *settings, window, split_by, has_spans, profile)
    name, run = contract.task.task, session.run_folder(contract, output)
    plan = Plan(name, options, when, misfire or MISFIRE, notify)
    if what:
        typer.echo(start.printed(what, plan, Folders(folder, source or Path("data") / name, run), image), nl=False)
    else:
        start.serve(plan, run, now)


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
    profile: ProfileOption = None,
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
    from pipeline.profiles.find import find_profile
    from schema.contract import find_task, load_contract

    contract = (windows.load_by_span if split_by == "span" else load_contract)(find_task(task), overrides or ())
    folder = output or Path("runs") / f"{contract.task.task}-backtest"
    config = session.configure(contract, place_of(data), folder, profile=find_profile(profile, beam_option or ()))
    plan = plans.make_plan(contract, config, first, last, every, window)
    for remark in plan.remarks:
        typer.echo(remark)
    with session.hold(config, seconds(wait, wait_at_most)):
        whole = session.watched(config, lambda progress: replay(contract, plan, config, progress), "stages and runs")
    if not whole:
        raise typer.Exit(1)


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
    config = windows.everything(cells[0].contract, session.configure(cells[0].contract, place_of(data), output))

    def work(progress: Progress) -> None:
        metadata_copies.protect(config, progress.say)
        with progress.doing("starting TFX and TensorFlow"):
            from pipeline.compare import run
        run.compare(cells, seeds, config, progress)

    with session.hold(config, seconds(wait, wait_at_most)):
        session.watched(config, work, "stages and trainings")
