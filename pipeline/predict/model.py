"""Which pushed model predicts."""

from __future__ import annotations

from pathlib import Path

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
