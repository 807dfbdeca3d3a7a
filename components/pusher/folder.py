"""The serving folder as its readers see it: a folder per version, under its number."""

from __future__ import annotations

from pathlib import Path

from schema.errors import DataError

MODEL_FILE = "saved_model.pb"


def version_folder(folder: Path, version: int) -> Path:
    """Returns where a version is served from."""
    return folder / str(version)


def versions(folder: Path) -> list[int]:
    """Returns the numbers of all versions that can be served, ascending; none if there is no such folder."""
    return sorted(number for number in numbers(folder) if (version_folder(folder, number) / MODEL_FILE).is_file())


def latest(folder: Path) -> Path:
    """Returns the folder of the highest version, which is what a server serves.

    Raises:
        DataError: There is none.
    """
    found = versions(folder)
    if not found:
        raise DataError(f"{folder}: no model was pushed; `multihead run` pushes one as soon as every gate holds")
    return version_folder(folder, found[-1])


def numbers(folder: Path) -> set[int]:
    """Returns the numbers of all version folders, whatever is in them."""
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    return {int(name) for name in names if name.isascii() and name.isdecimal() and name == str(int(name))}
