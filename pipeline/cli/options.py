"""Options that several commands share, and what they mean."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

import typer

from schema.errors import UserError

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

# Where click says that an option comes from, and not from an environment variable or a default.
_ON_THE_COMMAND_LINE = "COMMANDLINE"
# Of Kubeflow: the compiled pipeline, and the server that it runs on.
_SERVER = "The server of Kubeflow Pipelines"
ServingOption = Annotated[
    str,
    typer.Option(help="Serving folder as containers see it, or a URI such as s3://bucket/flights."),
]
RootOption = Annotated[
    str,
    typer.Option(metavar="URI", help="Where artifacts go; where the server puts them if not given."),
]
ProfileOption = Annotated[
    Path | None,
    typer.Option(metavar="F", help="Resources, volumes, secrets and retries of stages, as YAML."),
]
NamespaceOption = Annotated[
    str | None,
    typer.Option("--namespace", "-n", help="Yours, on a server for several users or teams.", rich_help_panel=_SERVER),
]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        metavar="F",
        help="File with a token; the one that KF_PIPELINES_SA_TOKEN_PATH names if not given.",
        rich_help_panel=_SERVER,
    ),
]
AuthorityOption = Annotated[
    Path | None,
    typer.Option(
        "--ssl-ca-cert",
        metavar="F",
        help="Certificates of who vouches for the server, as PEM; this machine's if not given.",
        rich_help_panel=_SERVER,
    ),
]
VerifyOption = Annotated[
    bool,
    typer.Option(
        "--verify-ssl/--no-verify-ssl", help="Whether the server must prove who it is.", rich_help_panel=_SERVER
    ),
]


def refuse(context: typer.Context, names: Collection[str], why: str) -> None:
    """Refuses options on the command line that mean nothing there.

    Args:
        context: Of the command.
        names: Of its parameters.
        why: The end of the sentence.

    Raises:
        UserError: One of them was given.
    """
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is not None and source.name == _ON_THE_COMMAND_LINE:
            raise UserError(f"{parameter.opts[0]}: {why}")


def seconds(wait: bool, at_most: float | None) -> float | None:
    """Returns how long to wait for another run: not at all, so many seconds, or None for as long as it takes."""
    return None if wait and at_most is None else at_most or 0


def beam_options(given: list[str] | None) -> tuple[str, ...]:
    """Returns options as Beam reads them; two dashes in front are welcome, and not needed."""
    return tuple(f"--{option.removeprefix('--')}" for option in given or ())
