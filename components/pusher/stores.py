"""Serving folders that are not on this machine: an object store, spoken to through fsspec.

A store has no rename, so what makes a push whole is the order of writing: a version's files, then its saved_model.pb,
without which no server and no reader takes it for a version, then the history, and the pointer last. What a killed push
leaves behind is removed by the next one. As on a disk there must be one writer at a time.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from components.object_store import connect, is_uri, speaking
from components.pusher.folder import MODEL_FILE, numbers, version_folder, versions
from components.pusher.history import HISTORY_FILE, RECORD_FILE
from components.pusher.pointer import POINTER_FILE

# What a mirror holds of a version: enough to tell which models there are.
_MIRRORED = (RECORD_FILE, "fingerprint.pb")


class Store(Protocol):
    """A serving folder, wherever it is.

    Attributes:
        folder: Has pointer, history and versions for all functions that take a serving folder; files of a version need
            not be there, but for its record and fingerprint.
    """

    folder: Path

    def name(self, version: int) -> str:
        """Returns the path or URI that a version is served from."""

    def version_of(self, name: str) -> int | None:
        """Returns the number behind such a name if that version is there, else None."""

    def fetch(self, version: int, target: Path) -> None:
        """Copies a version to a folder that is not there yet."""

    def commit(self) -> None:
        """Makes the store hold what was pushed to and removed from `folder`."""


@contextmanager
def opened(serving: str) -> Iterator[Store]:
    """Yields the store of a serving folder.

    Args:
        serving: A path, which may be on a mounted volume, or a URI such as `s3://bucket/folder`.

    Raises:
        DataError: The store cannot be reached, or its package is not installed; so do all of its methods.
    """
    if not is_uri(serving):
        yield _Disk(Path(serving))
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield _ObjectStore(serving, Path(scratch) / "serving")


class _Disk:
    """A folder of this machine: every change is made in it at once."""

    def __init__(self, folder: Path):
        self.folder = folder

    def name(self, version: int) -> str:
        return str(version_folder(self.folder, version))

    def version_of(self, name: str) -> int | None:
        return _number_in(self, name)

    def fetch(self, version: int, target: Path) -> None:
        shutil.copytree(version_folder(self.folder, version), target)

    def commit(self) -> None:
        pass


class _ObjectStore:
    """A mirror of an object store."""

    def __init__(self, serving: str, folder: Path):
        self.folder, self._serving = folder, serving.rstrip("/")
        with speaking(self._serving):
            self._fs, self._root = connect(self._serving)
            self._mirror()
        self._there = numbers(folder)

    def name(self, version: int) -> str:
        return f"{self._serving}/{version}"

    def version_of(self, name: str) -> int | None:
        return _number_in(self, name)

    def fetch(self, version: int, target: Path) -> None:
        target.mkdir(parents=True)
        with speaking(self._serving):
            for remote in self._fs.find(f"{self._root}/{version}"):
                file = target / remote.removeprefix(f"{self._root}/{version}/")
                file.parent.mkdir(parents=True, exist_ok=True)
                self._fs.get_file(remote, str(file))

    def commit(self) -> None:
        here = numbers(self.folder)
        with speaking(self._serving):
            for version in sorted(here - self._there):
                self._send_version(version)
            for name in (HISTORY_FILE, POINTER_FILE):
                if (file := self.folder / name).is_file():
                    self._fs.put_file(str(file), f"{self._root}/{name}")
            # Last: until the pointer names the new version, the old ones may be needed. Half a version is none.
            for version in sorted((self._there - here) | (self._there - set(versions(self.folder)))):
                self._remove_version(version)
        self._there = here

    def _mirror(self) -> None:
        """Makes folders of the versions that are there, with the files that tell which models they are."""
        self.folder.mkdir()
        self._fs.invalidate_cache()
        for remote in self._fs.find(self._root):
            name = remote.removeprefix(f"{self._root}/")
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if name in (POINTER_FILE, HISTORY_FILE) or file.name in _MIRRORED:
                self._fs.get_file(remote, str(file))
            elif file.name == MODEL_FILE:
                file.touch()

    def _send_version(self, version: int) -> None:
        source = version_folder(self.folder, version)
        files = [file for file in source.rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda file: file == source / MODEL_FILE):
            self._fs.put_file(str(file), f"{self._root}/{version}/{file.relative_to(source)}")

    def _remove_version(self, version: int) -> None:
        files = self._fs.find(f"{self._root}/{version}")
        for remote in sorted(files, key=lambda remote: remote != f"{self._root}/{version}/{MODEL_FILE}"):
            self._fs.rm_file(remote)


def _number_in(store: Store, name: str) -> int | None:
    return next((version for version in versions(store.folder) if store.name(version) == name), None)
