"""How large things are, and what the disk gains when they go."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of files and folders.

    Attributes:
        held: Bytes of the files in each, in the order in which they were given.
        total: Bytes of all of them; files of several names, as windows share those of a span, count once.
        freed: Bytes that the disk gains if all go: a file stays as long as it has another name.
    """

    held: tuple[int, ...]
    total: int
    freed: int


def measure(paths: Iterable[Path]) -> Sizes:
    """Measures files and folders; what is gone in the meantime has no size."""
    held, names, files = [], Counter[tuple[int, int]](), dict[tuple[int, int], os.stat_result]()
    for path in paths:
        total = 0
        for file in _files(path):
            with suppress(FileNotFoundError):
                found = file.lstat()
                identity = found.st_dev, found.st_ino
                names[identity] += 1
                files[identity] = found
                total += found.st_size
        held.append(total)
    gone = (found for identity, found in files.items() if names[identity] == found.st_nlink)
    return Sizes(tuple(held), sum(found.st_size for found in files.values()), sum(found.st_size for found in gone))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
