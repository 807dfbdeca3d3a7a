"""What a schedule runs, and when."""

from __future__ import annotations

import dataclasses
import sysconfig
from pathlib import Path
from typing import Any

from components.example_gen.places import Place
from pipeline.schedule.cron import Cron


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where a run reads and writes, given or by default: the task, its rows, and the run's folder."""

    task: Path
    data: Place
    output: Path


@dataclasses.dataclass(frozen=True)
class Options:
    """What `multihead schedule` hands on to `multihead run`.

    Attributes:
        task: A folder, or a shipped task's name.
        data: File or folder of rows, here or in a store.
        output: The run's folder.
        overrides: Of `--set`.
        beam: Of `--beam-option`.
        window: How many spans.
        split_by: `span`, or None.
        if_new: Whether a run that came to a verdict already is left out, which needs spans.
        profile: A shipped profile's name, or a file.
    """

    task: str
    data: Place | None
    output: Path | None
    overrides: tuple[str, ...] = ()
    beam: tuple[str, ...] = ()
    window: int | None = None
    split_by: str | None = None
    if_new: bool = False
    profile: str | None = None

    def absolute(self, folders: Folders) -> Options:
        """Returns the options for a place whose working folder is another."""
        # A shipped task is found by its name wherever multihead is installed.
        task = str(folders.task.resolve()) if folders.task == Path(self.task) else self.task
        is_file = self.profile is not None and Path(self.profile).is_file()
        profile = str(Path(str(self.profile)).resolve()) if is_file else self.profile
        data, output = folders.data.resolve(), folders.output.resolve()
        return dataclasses.replace(self, task=task, data=data, output=output, profile=profile)

    def shared(self) -> list[str]:
        """Returns task and options that `run` and `schedule` have both."""
        named: dict[str, Any] = {"--data": self.data, "--output": self.output, "--profile": self.profile}
        named |= {"--window": self.window, "--split-by": self.split_by}
        given = [f"{name}={value}" for name, value in named.items() if value is not None]
        given += [f"--set={override}" for override in self.overrides]
        return [self.task, *given, *(f"--beam-option={option}" for option in self.beam)]

    def run(self) -> list[str]:
        """Returns the arguments of `multihead` that run the task once."""
        return ["run", *self.shared(), *(["--if-new"] if self.if_new else [])]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is run, and when.

    Attributes:
        task: The task's name.
        options: Of every run.
        cron: When runs are due.
        misfire: Seconds after which a run that could not begin when it was due is left out.
        notify: A webhook's address that is told of what people should look at; None if nobody is.
    """

    task: str
    options: Options
    cron: Cron
    misfire: int
    notify: str | None = None


def executable() -> str:
    """Returns the path of `multihead` itself, beside the Python that runs this."""
    return str(Path(sysconfig.get_path("scripts")) / "multihead")
