"""The version that is served, and how the next one takes its place without a request being dropped.

The next version is loaded and warmed up beside the one that is served; then new requests go to it, those that run
finish on the old one, and that one is let go.
"""

from __future__ import annotations

import dataclasses
import gc
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.pusher import serving
from components.servable import Servable
from pipeline.predict.model import check_task
from pipeline.serve import metadata, protocol
from pipeline.serve.errors import RequestError
from pipeline.serve.values import quoted
from pipeline.serve.warmup import warm_up
from schema.errors import UserError

_logger = logging.getLogger(__name__)


@dataclasses.dataclass
class Loaded:
    """A version in memory.

    Attributes:
        version: Its number.
        servable: It answers.
        taken: Its inputs by signature.
        defs: Its signatures, as TensorFlow Serving describes them.
        num_running: Requests that it is answering.
    """

    version: int
    servable: Servable
    taken: dict[str, protocol.Inputs]
    defs: dict[str, Any]
    num_running: int = 0

    @classmethod
    def load(cls, folder: Path, name: str) -> Loaded:
        """Loads a version and warms it up.

        Args:
            folder: The version's.
            name: Of the task that it must be of.

        Raises:
            DataError: It is no model of this task, or does not answer.
        """
        servable = Servable.load(folder)
        check_task(folder, servable.exported, name)
        taken = protocol.signatures(servable.exported)
        warm_up(servable, taken)
        return cls(int(folder.name), servable, taken, metadata.signature_defs(folder, taken))


@dataclasses.dataclass(frozen=True)
class _State:
    """A version as clients are told of it; `files` is what of it could not be loaded."""

    name: str
    error: str = ""
    files: frozenset[tuple[str, int, int]] = frozenset()


class Models:
    """The versions in a serving folder, the newest of which is served.

    Args:
        name: Of the task.
        folder: Serving folder.
    """

    def __init__(self, name: str, folder: Path):
        self.name = name
        self._folder = folder
        self._lock = threading.Lock()
        self._current: Loaded | None = None
        self._retired: list[Loaded] = []
        self._states: dict[int, _State] = {}

    @contextmanager
    def use(self, name: str, version: int | None = None) -> Iterator[Loaded]:
        """Yields the version that is served; it stays in memory as long as it is in use.

        Args:
            name: Of the model that is asked for.
            version: That is asked for; None for the newest.

        Raises:
            RequestError: It is another model or version, or nothing is loaded yet.
        """
        self._check_name(name)
        with self._lock:
            loaded = self._current
            if loaded is None:
                raise RequestError(f"no version of '{name}' is loaded yet; {self._why_none()}", 503)
            if version not in (None, loaded.version):
                raise RequestError(f"version {version} of '{name}' is not served; version {loaded.version} is", 404)
            loaded.num_running += 1
        try:
            yield loaded
        finally:
            with self._lock:
                loaded.num_running -= 1

    def status(self, name: str, version: int | None = None) -> list[dict[str, Any]]:
        """Returns the states of versions, the newest first, as TensorFlow Serving says them.

        Args:
            name: Of the model that is asked for.
            version: That is asked for; None for all.

        Raises:
            RequestError: It is another model or version.
        """
        self._check_name(name)
        with self._lock:
            states = sorted(self._states.items(), reverse=True)
        if version is not None and version not in dict(states):
            known = ", ".join(str(known) for known, _ in states) or "none"
            raise RequestError(f"version {version} of '{name}' is unknown; there are: {known}", 404)
        return [metadata.of_version(n, s.name, s.error) for n, s in states if version in (None, n)]

    def poll(self) -> None:
        """Lets go of the old version once it is idle, and loads the newest one that can be loaded.

        An older version is never gone back to: a model is rolled back by pushing it again under a new number.
        """
        self._let_go()
        versions = serving.versions(self._folder)
        with self._lock:
            for version in set(self._states) - set(versions):
                if self._states[version].name == "END":
                    del self._states[version]
            served = self._current.version if self._current else 0
        for version in reversed(versions):
            if version <= served or self._try(version):
                break

    def _try(self, version: int) -> bool:
        """Returns whether a version could be loaded; one that could not is tried again when its files have changed."""
        folder = serving.version_folder(self._folder, version)
        files = _files(folder)
        before = self._states.get(version)
        if before and before.error and before.files == files:
            return False
        self._tell(version, _State("LOADING"))
        started = time.monotonic()
        try:
            loaded = Loaded.load(folder, self.name)
        except UserError as error:
            _logger.error("version %d cannot be served: %s", version, error)
            self._tell(version, _State("END", str(error), files))
            return False
        except Exception as error:
            _logger.exception("version %d cannot be served", version)
            self._tell(version, _State("END", f"{type(error).__name__}: {error}", files))
            return False
        with self._lock:
            if self._current:
                self._retired.append(self._current)
                self._states[self._current.version] = _State("UNLOADING")
            self._current = loaded
            self._states[version] = _State("AVAILABLE")
        _logger.info("version %d is served, loaded in %.1f s", version, time.monotonic() - started)
        return True

    def _let_go(self) -> None:
        with self._lock:
            idle = [loaded.version for loaded in self._retired if not loaded.num_running]
            self._retired = [loaded for loaded in self._retired if loaded.num_running]
            self._states |= {version: _State("END") for version in idle}
        if idle:
            gc.collect()  # A SavedModel refers to itself in circles.
            _logger.info("version %s is let go", ", ".join(map(str, idle)))

    def _tell(self, version: int, state: _State) -> None:
        with self._lock:
            self._states[version] = state

    def _check_name(self, name: str) -> None:
        if name != self.name:
            raise RequestError(f"there is no model {quoted(name)} here; there is '{self.name}'", 404)

    def _why_none(self) -> str:
        errors = [f"version {n}: {state.error}" for n, state in sorted(self._states.items()) if state.error]
        return "; ".join(errors) or "ask again in a few seconds"


def _files(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Returns paths, sizes in bytes and times in nanoseconds of what is in a folder."""
    found = []
    for path in folder.rglob("*"):
        about = path.stat()
        found.append((str(path), about.st_size, about.st_mtime_ns))
    return frozenset(found)


class Watcher(threading.Thread):
    """Follows the serving folder until it is stopped.

    Args:
        models: Polled.
        seconds: Between two looks.
    """

    def __init__(self, models: Models, seconds: float):
        super().__init__(name="watcher", daemon=True)
        self._models = models
        self._seconds = seconds
        self._is_stopped = threading.Event()

    def run(self) -> None:
        """Polls at once, and then every so many seconds; a folder that cannot be read is looked at again."""
        while not self._is_stopped.is_set():
            try:
                self._models.poll()
            except (OSError, UserError) as error:
                _logger.error("the serving folder cannot be read: %s", error)
            self._is_stopped.wait(self._seconds)

    def stop(self) -> None:
        """Ends it after the look that it is at."""
        self._is_stopped.set()
