"""What another scheduler needs to run a task by the clock: a systemd unit, a line for cron, a CronJob of Kubernetes."""

from __future__ import annotations

import importlib.metadata
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.schedule.plan import Plan
from pipeline.schedule.service import GRACE
from schema.errors import UserError

# Seconds beyond the grace of a run, within which the service says goodbye.
_MARGIN = 15
# Kubernetes looks every 10 seconds: with less, a CronJob may never begin.
_LEAST_DEADLINE = 10
# Of characters, so that a Job's name, which has 11 more, is a label.
_LONGEST_NAME = 52
_SAFE = re.compile(r"[\w@+=:,./-]+", re.ASCII)


def systemd(plan: Plan, program: str) -> str:
    """Returns a unit of a user that runs `multihead schedule`: nothing of it needs root.

    Args:
        plan: With absolute paths.
        program: Path of `multihead`.
    """
    when = [f"--cron={plan.cron.text}", f"--timezone={plan.cron.zone.key}", f"--misfire={plan.misfire}"]
    command = [program, "schedule", *plan.options.shared(), *when, *_notify(plan)]
    name = _name(plan)
    return f"""\
# ~/.config/systemd/user/{name}.service
# systemctl --user daemon-reload && systemctl --user enable --now {name}
# loginctl enable-linger keeps it running while you are not logged in.
[Unit]
Description=Scheduled runs of multihead, task {plan.task}

[Service]
Type=exec
WorkingDirectory={str(Path.cwd()).replace("%", "%%")}
ExecStart={" ".join(map(_systemd_quoted, command))}
# The service hands SIGTERM on to its run, which is given {GRACE} s to stop.
KillMode=mixed
TimeoutStopSec={GRACE + _MARGIN}
Restart=on-failure
RestartPreventExitStatus=2 5

[Install]
WantedBy=default.target
"""


def crontab(plan: Plan, program: str) -> str:
    """Returns a line for `crontab -e`, after one for the time zone if one was asked for.

    Args:
        plan: With absolute paths.
        program: Path of `multihead`.

    Raises:
        UserError: An option has a line break, which no crontab can have.
    """
    cron, command = plan.cron, [program, *plan.options.run(), *_notify(plan)]
    if any("\n" in part or "\r" in part for part in command):
        raise UserError("--print cron: an option has a line break, which a line of cron cannot have")
    zone = ""
    if not cron.is_local:
        warning = "# cronie knows CRON_TZ; Debian's cron does not, and goes by the machine's zone."
        zone = f"{warning}\nCRON_TZ={cron.zone.key}\n"
    # To cron, % ends the command.
    return f"{zone}{cron.text} {shlex.join(command)}\n".replace("%", "\\%")


def kubernetes(plan: Plan, image: str | None) -> str:
    """Returns a CronJob.

    Args:
        plan: With absolute paths, which are the container's as well.
        image: Of multihead.
    """
    name, options = _name(plan), plan.options
    data, output = options.data or Path("/data"), Path(options.output or "/run")
    folders = {"run": output}
    if isinstance(data, Path):  # A store is spoken to, not mounted.
        folders = {"data": data.parent if data.is_file() else data, **folders}
    if Path(options.task).is_absolute():
        folders["task"] = Path(options.task)
    mounts: list[dict[str, Any]] = [
        {"name": name, "mountPath": str(path), "subPath": folder} | ({} if folder == "run" else {"readOnly": True})
        for folder, path in folders.items()
    ]
    container = {
        "name": "run",
        "image": image or f"multihead:{importlib.metadata.version('multihead')}",
        # $(NAME) would be a variable.
        "command": ["multihead", *(part.replace("$(", "$$(") for part in [*options.run(), *_notify(plan)])],
        "volumeMounts": mounts,
    }
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE,
        "containers": [container],
        "volumes": [{"name": name, "persistentVolumeClaim": {"claimName": name}}],
    }
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {
            "schedule": plan.cron.portable,
            "timeZone": plan.cron.zone.key,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": max(plan.misfire, _LEAST_DEADLINE),
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}},
        },
    }
    held = ", ".join(f"{folder}/" for folder in folders)
    heading = f"# The claim {name} holds {held} of the task; kubectl apply -f -\n"
    return heading + yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=float("inf"))


def _notify(plan: Plan) -> Sequence[str]:
    return [f"--notify={plan.notify}"] if plan.notify else []


def _name(plan: Plan) -> str:
    """Returns a name that both systemd and Kubernetes take."""
    return f"multihead-{re.sub('[^a-z0-9]+', '-', plan.task.lower())}"[:_LONGEST_NAME].strip("-")


def _systemd_quoted(part: str) -> str:
    """Quotes a part of a command as systemd.service(5) reads it: no shell, but specifiers and variables."""
    if _SAFE.fullmatch(part):
        return part
    escapes = {"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(character, character) for character in part) + '"'
