"""Commands for Kubeflow: `compile`, `submit`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.cli.kubeflow_options import (
    AuthorityOption,
    NamespaceOption,
    RootOption,
    ServingOption,
    TokenOption,
    VerifyOption,
)
from pipeline.cli.options import (
    BeamOption,
    FreshOption,
    NoBaselineOption,
    ProfileOption,
    SetOption,
    SplitByOption,
    TaskArgument,
    WindowOption,
)
from pipeline.cli.terminal import terminal
from schema.errors import UserError

if TYPE_CHECKING:
    from pipeline.profiles.profile import Profile
    from pipeline.runners.kubeflow.server import Server
    from schema.contract import Contract

_ImageOption = Annotated[str, typer.Option(help="Container image of every stage, best by its digest.")]
_DataOption = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|URI",
        help="File or folder of rows as containers see it, or s3://bucket/folder; /data/TASK if not given.",
    ),
]
_SpanOption = Annotated[
    str | None, typer.Option(help="The newest span to read; latest for the latest of the day of each run.")
]


def compile(
    task: TaskArgument,
    image: _ImageOption,
    output: Annotated[Path, typer.Option(metavar="F", help="File to write.")],
    data: _DataOption = None,
    serving: ServingOption = "",
    span: _SpanOption = None,
    window: WindowOption = None,
    split_by: SplitByOption = None,
    pipeline_root: RootOption = "",
    profile: ProfileOption = None,
    overrides: SetOption = None,
    beam_option: BeamOption = None,
    runner: Annotated[
        Literal["kfp", "vertex"], typer.Option(help="Kubeflow Pipelines' YAML, or Vertex AI's JSON.")
    ] = "kfp",
    reuse_data: Annotated[
        bool,
        typer.Option(
            "--reuse-data",
            help="For runs that begin soon: looks at the data from here; runs on these very data reuse what was read.",
        ),
    ] = False,
    kserve: Annotated[
        Path | None, typer.Option(metavar="F", help="Also writes a KServe InferenceService of what is pushed.")
    ] = None,
) -> None:
    """Write the pipeline as a file that Kubeflow Pipelines takes. No cluster is needed, nor the data.

    Every run of the file reads the data anew, unless --reuse-data is given. docs/kubeflow.md says which parameters a
    run can be given.
    """
    from pipeline.profiles.find import find_profile
    from pipeline.runners.kubeflow.command import Files, write
    from pipeline.windows import load_by_span
    from schema.contract import find_task, load_contract

    contract = (load_by_span if split_by else load_contract)(find_task(task), overrides or ())
    options: dict[str, Any] = {"image": image, "data": data, "serving": serving, "span": span, "window": window}
    options |= {"root": pipeline_root, "looks": reuse_data}
    files = Files(output, runner, find_profile(profile, beam_option or ()), kserve)
    for line in write(contract, options, files):
        typer.echo(line)


def submit(
    task: TaskArgument,
    endpoint: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="KF_PIPELINES_ENDPOINT",
            help="Address of Kubeflow Pipelines, such as https://kubeflow.example.org/pipeline.",
        ),
    ],
    image: _ImageOption,
    data: _DataOption = None,
    serving: ServingOption = "",
    span: _SpanOption = None,
    window: WindowOption = None,
    split_by: SplitByOption = None,
    pipeline_root: RootOption = "",
    profile: ProfileOption = None,
    overrides: SetOption = None,
    beam_option: BeamOption = None,
    fresh: FreshOption = False,
    no_baseline: NoBaselineOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show the stages until the run has ended.")] = False,
    namespace: NamespaceOption = None,
    token_file: TokenOption = None,
    ssl_ca_cert: AuthorityOption = None,
    verify_ssl: VerifyOption = True,
) -> None:
    """Run the pipeline on Kubeflow Pipelines: compile as `compile` does, upload what is not there, begin a run.

    Given again while the very same run is under way, it begins none, and with --wait follows that one.

    Exit code: 0 begun, 2 bad input or configuration, or the server refuses it, 1 it cannot be reached, or any other.
    With --wait those of `run`: 0 pushed, 2, 3 the data contradicts its schema, 4 the model was refused, 1.
    """
    from pipeline.profiles.find import find_profile
    from pipeline.runners.kubeflow.server import Server
    from pipeline.windows import load_by_span
    from schema.contract import find_task, load_contract

    server = Server.parse(endpoint, namespace, token_file, ssl_ca_cert, verify_ssl)
    contract = (load_by_span if split_by else load_contract)(find_task(task), overrides or ())
    options: dict[str, Any] = {"image": image, "data": data, "serving": serving, "span": span, "window": window}
    options |= {"root": pipeline_root, "looks": True}
    found = find_profile(profile, beam_option or ())

    from pipeline.progress import Progress
    from pipeline.runners.kubeflow import cluster
    from pipeline.runners.kubeflow.client import Client

    work = cluster.Work(contract, options, found, fresh, no_baseline)
    work.check()
    progress = Progress(terminal()) if wait else None
    ended = cluster.submit(Client(server), work, typer.echo, progress)
    if progress:
        for sentence in ended.sentences or ("blessed",):
            progress.say(sentence, "red" if ended.code else "green")
    if ended.code:
        raise typer.Exit(ended.code)


def schedule_there(
    server: Server,
    contract: Contract,
    options: Mapping[str, Any],
    profile: Profile,
    cron: str | None,
    enable: bool | None,
    show: bool,
    delete: bool,
) -> None:
    """Does what `schedule --endpoint` is asked for.

    Args:
        server: Where.
        contract: The task.
        options: Of `compile.Request`, all but the profile.
        profile: Where Beam's work is done, and what containers get.
        cron: When runs are due; None if the recurring run that is there is meant.
        enable: Whether runs begin; None for as before.
        show: Say what is there.
        delete: Delete it.

    Raises:
        UserError: It cannot be done, or it is not one thing.
    """
    if [cron is not None or enable is not None, show, delete].count(True) != 1:
        raise UserError(
            "--endpoint: create or change the recurring run by --cron, or give one of --enable, --disable, --list and"
            " --delete for the one that is there"
        )
    from pipeline.schedule.cron import Cron

    when = Cron.parse(cron, "UTC") if cron is not None else None

    from pipeline.runners.kubeflow import cluster
    from pipeline.runners.kubeflow.client import Client

    work = cluster.Work(contract, options, profile)
    if when:
        work.check()
    client = Client(server)
    if when:
        cluster.schedule(client, work, when, enable, typer.echo)
    elif show:
        cluster.show(client, work.name, typer.echo)
    elif delete:
        cluster.delete(client, work.name, typer.echo)
    else:
        cluster.switch(client, work.name, bool(enable), typer.echo)
