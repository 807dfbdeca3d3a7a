"""Where rows lie: a path of this machine, or a place in an object store that answers as pathlib does."""

from __future__ import annotations

import bisect
import dataclasses
import fnmatch
import io
import posixpath
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.object_store import check, connect, is_uri, speaking

# What stores call that which changes when a file is written again; the first of them that is there.
_CHANGES = ("ETag", "etag", "generation", "md5Hash", "LastModified", "last_modified", "mtime", "created")


class _Look:
    """What a store holds at one moment: one listing per folder that is asked about, whatever is asked of it."""

    def __init__(self) -> None:
        self._listed: list[str] = []
        self._states: dict[str, str] = {}
        self._names: list[str] = []

    def state(self, uri: str) -> str:
        """Returns what changes with a file: its size, and what the store says of a change."""
        self._list(uri)
        return self._states[uri]

    def is_file(self, uri: str) -> bool:
        self._list(uri)
        return uri in self._states

    def below(self, uri: str) -> list[str]:
        """Returns all files of a folder and its folders, ascending."""
        self._list(uri)
        first = bisect.bisect_left(self._names, f"{uri}/")
        last = bisect.bisect_left(self._names, f"{uri}0")  # What follows the slash in ASCII.
        return self._names[first:last]

    def _list(self, uri: str) -> None:
        if any(uri == folder or uri.startswith(f"{folder}/") for folder in self._listed):
            return
        with speaking(uri):
            store, root = _connect(uri)
            for name, described in store.find(root, detail=True).items():
                if described["type"] == "file" and not name.endswith("/"):  # Consoles make such files for folders.
                    self._states[uri + name.removeprefix(root)] = _state(described)
        self._listed.append(uri)
        self._names = sorted(self._states)


@dataclasses.dataclass(frozen=True)
class Remote:
    """A file or folder in an object store, with as much of pathlib's interface as reading takes.

    A store has no folders: one is there if a file's name begins with it.

    Attributes:
        uri: Such as `s3://bucket/flights`, without a slash at its end.
        look: What answers; if None, every question looks anew.
    """

    uri: str
    look: _Look | None = dataclasses.field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.uri

    def __truediv__(self, path: str) -> Remote:
        scheme, _, rest = self.uri.partition("://")
        bucket, _, folder = rest.partition("/")
        inside = posixpath.normpath(posixpath.join("/", folder, path))
        return Remote(f"{scheme}://{bucket}{inside}".rstrip("/"), self.look)

    @property
    def parts(self) -> tuple[str, ...]:
        """What stands between slashes."""
        return tuple(self.uri.split("/"))

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1]

    @property
    def parent(self) -> Remote:
        """The folder that this lies in; of a bucket, itself."""
        return self / ".."

    def resolve(self) -> Remote:
        """Returns itself: a URI means the same everywhere."""
        return self

    def exists(self) -> bool:
        """Returns whether there is a file, or a folder with one."""
        look = self._look()
        return look.is_file(self.uri) or bool(look.below(self.uri))

    def is_file(self) -> bool:
        """Returns whether this is a file."""
        return self._look().is_file(self.uri)

    def is_dir(self) -> bool:
        """Returns whether this is a folder with a file in it."""
        return bool(self._look().below(self.uri))

    def iterdir(self) -> Iterator[Remote]:
        """Yields the files and folders of a folder."""
        look, start = self._look(), len(self.parts)
        names = dict.fromkeys(uri.split("/")[start] for uri in look.below(self.uri))
        return (Remote(f"{self.uri}/{name}", look) for name in names)

    def rglob(self, pattern: str) -> Iterator[Remote]:
        """Yields the files of a folder and its folders whose names fit a pattern."""
        look = self._look()
        files = (Remote(uri, look) for uri in look.below(self.uri))
        return (file for file in files if fnmatch.fnmatchcase(file.name, pattern))

    def state(self) -> str:
        """Returns what changes when a file is written: its size, and what the store says of a change."""
        return self._look().state(self.uri)

    def read_bytes(self) -> bytes:
        """Returns what a file holds.

        Raises:
            FileNotFoundError: There is no such file.
        """
        with speaking(self.uri):
            store, path = _connect(self.uri)
            try:
                content: bytes = store.cat_file(path)
                return content
            except (FileNotFoundError, UnicodeEncodeError) as error:  # No store has names that are not UTF-8.
                missing = error
        raise FileNotFoundError(str(missing))

    def open(self, block: int = 0) -> io.RawIOBase | io.BufferedReader:
        """Opens a file to be read.

        Args:
            block: Bytes that the store is asked for at a time, for who reads from the beginning on, decompressed if
                its name says so; if 0, it is asked for just what is read, for who knows where to look.
        """
        ahead = {"compression": "infer", "cache_type": "readahead", "block_size": block}
        with speaking(self.uri):
            store, path = _connect(self.uri)
            file = _File(self.uri, store.open(path, "rb", **(ahead if block else {"cache_type": "none"})))
        return io.BufferedReader(file) if block else file

    def _look(self) -> _Look:
        return self.look or _Look()


Place = Path | Remote


class _File(io.RawIOBase):
    """An open file whose store says in one sentence why it cannot be read."""

    def __init__(self, uri: str, file: Any):
        super().__init__()
        self._uri, self._file = uri, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with speaking(self._uri):
            return int(self._file.seek(offset, whence))

    def readinto(self, target: Any) -> int:
        with speaking(self._uri):
            content = self._file.read(len(target))
        target[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def place(text: str) -> Place:
    """Returns where a text points: `s3://bucket/flights` into a store, anything else to a path of this machine.

    Raises:
        UserError: It is a URI that nothing is read from.
    """
    if not is_uri(text):
        return Path(text)
    check(text)
    return Remote(text.rstrip("/"))


def look(where: Place) -> Place:
    """Returns the place with one look at it: what is asked of it and of what lies in it costs a store one listing."""
    return where if isinstance(where, Path) else Remote(where.uri, _Look())


def fetch(files: Collection[Place]) -> Mapping[Place, bytes]:
    """Returns what files of stores hold, many read at a time; those that cannot be read are left out."""
    found: dict[Place, bytes] = {}
    remote = [file for file in files if isinstance(file, Remote)]
    if not remote:
        return found
    with speaking(remote[0].uri):
        store, _ = _connect(remote[0].uri)
        nowhere = [None] * len(remote)
        contents = store.cat_ranges([file.uri for file in remote], nowhere, nowhere, on_error="return")
        found.update(
            (file, content) for file, content in zip(remote, contents, strict=True) if isinstance(content, bytes)
        )
    return found


def _connect(uri: str) -> tuple[Any, str]:
    # fsspec would remember listings for as long as the process lives.
    return connect(uri, use_listings_cache=False)


def _state(described: Mapping[str, Any]) -> str:
    change = next((described[name] for name in _CHANGES if described.get(name)), "")
    return f"{described['size']} {change}"
