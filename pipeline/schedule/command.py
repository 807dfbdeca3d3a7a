"""The command that a schedule runs."""

from __future__ import annotations

import dataclasses
import sysconfig
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Options:
    """What `multihead schedule` hands on to `multihead run`.

    Attributes:
        task: A folder, or a shipped task's name.
        data: File or folder of rows.
        output: The run's folder.
        overrides: Of `--set`.
        beam: Of `--beam-option`.
        window: How many spans.
        split_by: `span`, or None.
        if_new: Whether a run that came to a verdict already is left out, which needs spans.
    """

    task: str
    data: Path | None
    output: Path | None
    overrides: tuple[str, ...] = ()
    beam: tuple[str, ...] = ()
    window: int | None = None
    split_by: str | None = None
    if_new: bool = False

    def absolute(self, folder: Path, data: Path, output: Path) -> Options:
        """Returns the options for a place whose working folder is another.

        Args:
            folder: The task's.
            data: Of the rows, by default if none were given.
            output: The run's, by default if none was given.
        """
        # A shipped task is found by its name wherever multihead is installed.
        task = str(folder.resolve()) if folder == Path(self.task) else self.task
        return dataclasses.replace(self, task=task, data=data.resolve(), output=output.resolve())

    def shared(self) -> list[str]:
        """Returns task and options that `run` and `schedule` have both."""
        named = {"--data": self.data, "--output": self.output, "--window": self.window, "--split-by": self.split_by}
        given = [f"{name}={value}" for name, value in named.items() if value is not None]
        given += [f"--set={override}" for override in self.overrides]
        return [self.task, *given, *(f"--beam-option={option}" for option in self.beam)]

    def run(self) -> list[str]:
        """Returns the arguments of `multihead` that run the task once."""
        return ["run", *self.shared(), *(["--if-new"] if self.if_new else [])]


def executable() -> str:
    """Returns the path of `multihead` itself, beside the Python that runs this."""
    return str(Path(sysconfig.get_path("scripts")) / "multihead")
