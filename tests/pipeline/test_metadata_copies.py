"""Copies of ML Metadata's database, and what becomes of a damaged one."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from pipeline import metadata_copies
from pipeline.config import RunConfig
from pipeline.metadata_copies import KEPT, copies, find_damage, protect
from schema.errors import UserError

# As ML Metadata makes it, in short. Large rows: there is more than one page to damage.
_TABLE = "CREATE TABLE Execution (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)"


def add(run, *names):
    with closing(sqlite3.connect(run.metadata)) as connection, connection:
        connection.executemany("INSERT INTO Execution (name) VALUES (?)", [(name * 3000,) for name in names])


def names(database):
    with closing(sqlite3.connect(database)) as connection:
        return "".join(name[0] for (name,) in connection.execute("SELECT name FROM Execution ORDER BY id"))


@pytest.fixture
def run(tmp_path):
    config = RunConfig(tmp_path, tmp_path / "out", "r1")
    config.output.mkdir()
    with closing(sqlite3.connect(config.metadata)) as connection:
        connection.execute(_TABLE)
    add(config, "a", "b")
    return config


@pytest.fixture
def said():
    return []


def at(run, run_id):
    return RunConfig(run.data, run.output, run_id)


def test_each_run_makes_a_copy_and_the_last_few_stay(run, said):
    for number in range(KEPT + 3):
        protect(at(run, f"r{number:02}"), said.append)
        add(run, "c")
    assert [copy.stem for copy in copies(run)] == [f"r{number:02}" for number in range(3, KEPT + 3)]
    assert names(copies(run)[0]) == "abccc"
    assert said == []


def test_what_a_killed_copy_left_is_swept_up(run, said):
    protect(at(run, "r1"), said.append)
    for file in (copies(run)[0], run.metadata):
        (file.parent / f".{file.name}-{32 * '0'}").touch()
    protect(at(run, "r2"), said.append)
    assert [file.name for file in sorted(copies(run)[0].parent.iterdir())] == ["r1.db", "r2.db"]
    assert sorted(file.name for file in run.output.iterdir()) == ["metadata.db", "metadata_copies"]


def test_a_first_run_has_nothing_to_copy(tmp_path, said):
    config = RunConfig(tmp_path, tmp_path / "new", "r1")
    protect(config, said.append)
    assert not config.output.exists()


@pytest.mark.parametrize("damage", ["cut", "overwritten", "header", "empty", "gone"])
def test_the_newest_good_copy_takes_the_place_of_a_damaged_database(run, said, damage):
    protect(run, said.append)
    add(run, "c")
    protect(at(run, "r2"), said.append)
    add(run, "d")
    (run.output / "metadata_copies" / "r3.db").write_bytes(b"no database" * 1000)
    whole = run.metadata.read_bytes()
    broken = {
        "cut": whole[: len(whole) // 2],
        "overwritten": whole[:4096] + b"\x55" * (len(whole) - 4096),
        "header": b"x" * 100 + whole[100:],
        "empty": b"",
    }
    if damage == "gone":
        run.metadata.unlink()
    else:
        run.metadata.write_bytes(broken[damage])
    protect(at(run, "r4"), said.append)
    assert names(run.metadata) == "abc"
    [sentence] = said
    assert sentence.startswith(f"{run.metadata}: damaged (")
    assert "the copy made before run r2 is in its place" in sentence
    aside = run.output / "metadata.damaged-r4.db"
    assert aside.is_file() == (damage != "gone")
    assert damage == "gone" or aside.read_bytes() == broken[damage]


def test_the_journal_of_the_damaged_file_is_not_worked_into_the_good_one(run, said):
    protect(run, said.append)
    run.metadata.write_bytes(b"x" * 5000)
    journal = run.output / "metadata.db-journal"
    journal.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"x" * 2000)
    protect(at(run, "r2"), said.append)
    assert names(run.metadata) == "ab"
    assert not journal.exists()


def test_executions_that_only_the_damaged_database_knew_keep_their_numbers(run, said):
    protect(run, said.append)
    for folder in ("Trainer/model/7", "Trainer/.system/executor_execution/9", "spans/2013-01-01/x"):
        (run.artifacts / folder).mkdir(parents=True)
    run.metadata.write_bytes(b"x" * 5000)
    protect(at(run, "r2"), said.append)
    add(run, "c")
    with closing(sqlite3.connect(run.metadata)) as connection:
        assert connection.execute("SELECT max(id) FROM Execution").fetchone() == (10,)


def test_without_a_good_copy_it_says_what_to_do(run, said):
    run.metadata.write_bytes(b"x" * 5000)
    with pytest.raises(
        UserError, match=r"damaged \(.*\), and there is no good copy in .*metadata_copies; move it and "
    ):
        protect(run, said.append)
    assert run.metadata.read_bytes() == b"x" * 5000


def test_a_database_that_is_written_to_is_not_called_damaged(run, said, monkeypatch):
    protect(run, said.append)
    connect = sqlite3.connect
    monkeypatch.setattr(metadata_copies.sqlite3, "connect", lambda *a, **k: connect(*a, **k, timeout=0))
    with closing(connect(run.metadata)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"cannot be read or copied .*locked"):
            protect(at(run, "r2"), said.append)
    assert said == []


# Writes transactions of several rows, too large for SQLite's cache so that they reach the file before their end.
_WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size = 2")
print("begun", flush=True)
while True:
    with connection:
        for _ in range(50):
            connection.execute("INSERT INTO Execution (name) VALUES (?)", ("z" * 3000,))
"""


@pytest.mark.parametrize("pages", [20, 150, 333])
def test_a_process_killed_while_it_writes_leaves_whole_transactions(run, said, pages):
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(run.metadata)], stdout=subprocess.PIPE)
    writer.stdout.readline()
    while run.metadata.stat().st_size < pages * 4096:
        pass
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    protect(at(run, "r2"), said.append)
    assert said == []
    assert find_damage(run.metadata) is None
    for database in (run.metadata, copies(run)[-1]):
        assert len(names(database)) % 50 == 2
