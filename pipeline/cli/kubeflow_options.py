"""Options of commands for Kubeflow: the compiled pipeline, and the server that it runs on."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from schema.errors import UserError

# Where click says that an option comes from, and not from an environment variable or a default.
_ON_THE_COMMAND_LINE = "COMMANDLINE"
_SERVER = "The server of Kubeflow Pipelines"
ServingOption = Annotated[
    str,
    typer.Option(help="Serving folder as containers see it, or a URI such as s3://bucket/flights."),
]
RootOption = Annotated[
    str,
    typer.Option(metavar="URI", help="Where artifacts go; where the server puts them if not given."),
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
