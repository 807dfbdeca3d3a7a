"""Options that several commands share, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from components.example_gen.places import Place, place

TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="A folder with task.yaml, or a shipped task's name.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Overrides a key of task.yaml; may be given several times."),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|URI", help="File or folder of rows, here or as s3://bucket/folder; data/TASK if not given."
    ),
]
FreshOption = Annotated[bool, typer.Option("--fresh", help="Run every stage, whatever earlier runs have done.")]
NoBaselineOption = Annotated[
    str | None,
    typer.Option(metavar="REASON", help="Do not compare with the last blessed model; the report says why."),
]
OutputOption = Annotated[Path | None, typer.Option(help="The run's folder; runs/TASK if not given.")]
BeamOption = Annotated[
    list[str] | None,
    typer.Option("--beam-option", metavar="NAME=VALUE", help="An option for Beam, such as direct_num_workers=2."),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|F",
        help="Where Beam's work is done: local, flink-local, flink, spark or dataflow; or a YAML file, which also says"
        " what stages get on Kubeflow. See docs/scaling.md.",
    ),
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


def place_of(data: str | None) -> Place | None:
    """Returns where rows are, if that was given.

    Raises:
        UserError: Nothing is read from such a URI.
    """
    return place(data) if data else None


def seconds(wait: bool, at_most: float | None) -> float | None:
    """Returns how long to wait for another run: not at all, so many seconds, or None for as long as it takes."""
    return None if wait and at_most is None else at_most or 0
