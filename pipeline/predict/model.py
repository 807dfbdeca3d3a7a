"""Which pushed model answers, and whether it is the task's."""

from __future__ import annotations

from pathlib import Path

from components.exported import Exported
from components.pusher import serving
from schema.errors import DataError


def find_model(folder: Path, version: int | None) -> Path:
    """Returns the folder of a served version.

    Args:
        folder: Serving folder of a run.
        version: Its number; the latest if None.

    Raises:
        DataError: No model was pushed, or none of that number is there.
    """
    if version is None or not (there := serving.versions(folder)):
        return serving.latest(folder)
    if version not in there:
        raise DataError(f"{folder}: no version {version}; there are: {', '.join(map(str, there))}")
    return serving.version_folder(folder, version)


def check_task(model: Path, exported: Exported, name: str) -> None:
    """Refuses a model of another task; one that is too old to name its task may be of any.

    Args:
        model: Its folder.
        exported: What it says of itself.
        name: Of the task.

    Raises:
        DataError: It is of another task.
    """
    if exported.task not in (name, ""):
        raise DataError(f"{model}: is a model of the task '{exported.task}', not of '{name}'; give another --run")
