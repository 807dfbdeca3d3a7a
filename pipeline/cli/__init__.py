"""The `multihead` command. Heavy imports happen inside commands: `--help` answers at once."""

from __future__ import annotations

import errno

import typer

from pipeline.cli.inputs import data, validate
from pipeline.cli.kubeflow import compile, submit
from pipeline.cli.models import predict, rollback, serve
from pipeline.cli.reports import gc, report
from pipeline.cli.runs import backtest, compare, run, schedule
from schema.errors import UserError

app = typer.Typer(
    name="multihead",
    help="Train, judge and push one model that classifies a row in several ways at once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

# In the order of `--help`, with an example of each.
_COMMANDS = (
    (data, "data flights"),
    (validate, "validate flights --set training.epochs=2"),
    (run, "run flights --set training.epochs=2 --set heads.cancelled.loss.weight=3"),
    (schedule, 'schedule flights --cron "0 2 * * *" --timezone Europe/Berlin'),
    (backtest, "backtest flights --from 2013-03-02 --to 2013-04-27 --every 7d --window 60d"),
    (compare, "compare flights --set trunk.type=shared,independent,mmoe --seeds 3"),
    (compile, "compile flights --image R/multihead@sha256:... --output F.yaml"),
    (
        submit,
        "submit flights --endpoint https://kfp.example.org --image R/multihead@sha256:... --data /data/flights --wait",
    ),
    (predict, "predict flights --data new.parquet --output predictions.parquet"),
    (serve, "serve flights --port 8501"),
    (rollback, 'rollback flights --reason "half of Tuesday was missing"'),
    (gc, "gc flights --keep 5 --yes"),
    (report, "report runs/flights --html report.html"),
)
for _command, _example in _COMMANDS:
    app.command(epilog=f"Example: multihead {_example}")(_command)

# Of a path that was given and that the system does not let anyone, or this user, look at.
_REFUSED_PATH = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)


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
    from pipeline.quiet import leave

    leave(code)


def _complain(error: UserError) -> None:
    from schema.problems import TaskError

    if isinstance(error, TaskError):
        count = len(error.problems)
        typer.echo(f"{count} problem{'s' if count > 1 else ''}:", err=True)
    typer.echo(str(error), err=True)
