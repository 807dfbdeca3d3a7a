"""Copies of ML Metadata's database, and the way back from a damaged one.

SQLite undoes by its journal what a killed process left half written; what it cannot undo is a file that was cut or
written over. Without its database a run would know nothing of what earlier ones finished.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from components.pusher.disk import replacing, sweep
from pipeline.config import RunConfig
from schema.errors import UserError

# Copies kept: of as many runs, newest last. A database grows by some 100 kB with every run.
KEPT = 5
_FOLDER = "metadata_copies"
_OK = "ok"


def protect(run: RunConfig, say: Callable[[str], None]) -> None:
    """Puts a good copy in the place of a damaged or lost database, and else copies the database.

    Args:
        run: Whose folder it is, held by the caller; its id names the copy.
        say: Is told of what was damaged.

    Raises:
        UserError: The database is damaged and there is no good copy, or it cannot be opened or copied.
    """
    if not copies(run) and (not run.metadata.is_file() or run.metadata.stat().st_size == 0):
        return  # The first run, or one that was killed as it made the file.
    with _explained(run):
        sweep(copies_folder(run))
        sweep(run.output, run.metadata.name)
        damage = find_damage(run.metadata)
        if damage is None:
            _copy(run.metadata, _copy_of(run))
            for old in copies(run)[:-KEPT]:
                old.unlink()
        else:
            _restore(run, damage, say)


def renew(run: RunConfig) -> None:
    """Copies the database, and removes all earlier copies: they call live what is about to be removed.

    Raises:
        UserError: The database cannot be copied.
    """
    with _explained(run):
        _copy(run.metadata, _copy_of(run))
        for old in copies(run):
            if old != _copy_of(run):
                old.unlink()


@contextmanager
def _explained(run: RunConfig) -> Iterator[None]:
    """Turns what the disk and SQLite have against a copy into a sentence."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise UserError(f"{run.metadata}: cannot be read or copied ({error})") from None


def _copy_of(run: RunConfig) -> Path:
    """Returns where a run's copy is."""
    return copies_folder(run) / f"{run.run_id}.db"


def copies_folder(run: RunConfig) -> Path:
    """Returns where copies are."""
    return run.output / _FOLDER


def copies(run: RunConfig) -> list[Path]:
    """Returns the copies that there are, oldest first: they are named by run ids, which sort by time."""
    return sorted(copies_folder(run).glob("[!.]*.db"))


def find_damage(database: Path) -> str | None:
    """Returns what is wrong with a database, None if nothing; undoes what a killed process left half written.

    Raises:
        sqlite3.OperationalError: It cannot be opened, or another process writes to it.
    """
    if not database.is_file():
        return "it is gone"
    if database.stat().st_size == 0:
        return "it is empty"  # To SQLite, a database without tables.
    try:
        with closing(_open(database)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(1)")]
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == [_OK] else found[0]


def _open(database: Path) -> sqlite3.Connection:
    """Opens a database that is there; `rw` does not make one, and may use a journal that was left."""
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True)


def _copy(database: Path, to: Path) -> None:
    """Copies a database as of one moment, whole or not at all."""
    to.parent.mkdir(exist_ok=True)
    with replacing(to) as temporary, closing(_open(database)) as source, closing(sqlite3.connect(temporary)) as copy:
        source.backup(copy)


def _restore(run: RunConfig, damage: str, say: Callable[[str], None]) -> None:
    good = next((copy for copy in reversed(copies(run)) if find_damage(copy) is None), None)
    aside = run.output / f"{run.metadata.stem}.damaged-{run.run_id}.db"
    if good is None:
        raise UserError(
            f"{run.metadata}: damaged ({damage}), and there is no good copy in {copies_folder(run)}; "
            f"move it and {run.artifacts} away, and every stage runs again; what is served stays"
        )
    journal = run.metadata.with_name(f"{run.metadata.name}-journal")
    if run.metadata.is_file():
        os.link(run.metadata, aside)
    if journal.exists():  # It belongs to the damaged file, and would be worked into the good one.
        journal.replace(aside.with_name(f"{aside.name}-journal"))
    _copy(good, run.metadata)
    _skip_used_ids(run)
    say(
        f"{run.metadata}: damaged ({damage}); the copy made before run {good.stem} is in its place"
        f"{f', and the damaged file is {aside}' if aside.is_file() else ''}; stages finished since then run again"
    )


def _skip_used_ids(run: RunConfig) -> None:
    """Lets new executions begin after those that only the damaged database knew.

    Their outputs are in folders named by execution, and a stage that was given such a number again would write among
    files that are there.
    """
    folders = [*run.artifacts.glob("*/*/*"), *run.artifacts.glob("*/.system/*/*")]
    used = max((int(folder.name) for folder in folders if folder.name.isdecimal()), default=0)
    with closing(_open(run.metadata)) as connection, connection:
        connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'Execution'", (used,))
