"""Where predictions go: a file or a folder that appears when it is whole, and a side file of rejected rows."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.example_gen.places import Place
from schema.errors import UserError

_SUFFIX = ".parquet"


@dataclasses.dataclass(frozen=True)
class Target:
    """Where predictions go.

    Attributes:
        path: One file if its name ends in `.parquet`, else a folder of such files.
    """

    path: Path

    @property
    def is_file(self) -> bool:
        """Whether all predictions go into one file."""
        return self.path.suffix == _SUFFIX

    @property
    def rejected(self) -> Path:
        """The side file."""
        stem = self.path.stem if self.is_file else self.path.name
        return self.path.with_name(f"{stem}.rejected{_SUFFIX}")

    def check(self, data: Place) -> None:
        """Refuses a place that cannot be written to, or where data would be lost or read again the next time.

        A file is replaced, for that is done in one step; a folder with something in it is not.

        Args:
            data: What is read.

        Raises:
            UserError: The place is refused.
        """
        for place in (self.path, self.rejected):
            if data.resolve() in (place.resolve(), *place.resolve().parents):
                raise UserError(f"{place}: lies in the data, {data}; give an --output outside of it")
        if self.is_file and self.path.is_dir():
            raise UserError(f"{self.path}: is a folder, and a name in {_SUFFIX} means one file; give another --output")
        if not self.is_file and self.path.is_file():
            raise UserError(f"{self.path}: is a file; end --output in {_SUFFIX} for one file, or give a new folder")
        if not self.is_file and self.path.is_dir() and any(self.path.iterdir()):
            raise UserError(f"{self.path}: is not empty; give another --output, or remove it first")

    @contextmanager
    def beside(self) -> Iterator[Path]:
        """Makes an empty folder on the same disk, from which a rename brings what is whole; it is removed in the end.

        Raises:
            UserError: It cannot be written there.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=self.path.parent))
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written ({error.strerror})") from None
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
