"""Commands for Kubeflow: `compile`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.options import (
    BeamOption,
    SetOption,
    SplitByOption,
    TaskArgument,
    WindowOption,
    beam_options,
)


def compile(
    task: TaskArgument,
    image: Annotated[str, typer.Option(help="Container image of every stage, best by its digest.")],
    output: Annotated[Path, typer.Option(metavar="F", help="File to write.")],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|URI",
            help="File or folder of rows as containers see it, or s3://bucket/folder; /data/TASK if not given.",
        ),
    ] = None,
    serving: Annotated[
        str, typer.Option(help="Serving folder as containers see it, or a URI such as s3://bucket/flights.")
    ] = "",
    span: Annotated[
        str | None, typer.Option(help="The newest span to read; latest for the latest of the day of each run.")
    ] = None,
    window: WindowOption = None,
    split_by: SplitByOption = None,
    pipeline_root: Annotated[
        str, typer.Option(metavar="URI", help="Where artifacts go; where the server puts them if not given.")
    ] = "",
    profile: Annotated[
        Path | None, typer.Option(metavar="F", help="Resources, volumes, secrets and retries of stages, as YAML.")
    ] = None,
    overrides: SetOption = None,
    beam_option: BeamOption = None,
    runner: Annotated[
        Literal["kfp", "vertex"], typer.Option(help="Kubeflow Pipelines' YAML, or Vertex AI's JSON.")
    ] = "kfp",
    kserve: Annotated[
        Path | None, typer.Option(metavar="F", help="Also writes a KServe InferenceService of what is pushed.")
    ] = None,
) -> None:
    """Write the pipeline as a file that Kubeflow Pipelines takes. No cluster is needed, nor the data.

    In sight of the data, the file names them as they are now; else every run reads them anew. docs/kubeflow.md says
    which parameters a run can be given.
    """
    from pipeline.runners.kubeflow.command import Files, write
    from pipeline.windows import load_by_span
    from schema.contract import find_task, load_contract

    contract = (load_by_span if split_by else load_contract)(find_task(task), overrides or ())
    options = {"image": image, "data": data, "serving": serving, "span": span, "window": window, "root": pipeline_root}
    files = Files(output, runner, profile, kserve)
    for line in write(contract, {**options, "beam_options": beam_options(beam_option)}, files):
        typer.echo(line)
