"""Two processes and one run's folder, with real processes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from pipeline import holder, session
from pipeline.config import RunConfig
from schema.errors import RunFolderBusy

# Holds a folder until its standard input ends; appends to a file whenever it begins and ends.
_RUN = """
import sys
from pathlib import Path
from pipeline import session
from pipeline.config import RunConfig
from schema.errors import RunFolderBusy

folder, run_id, wait = Path(sys.argv[1]), sys.argv[2], eval(sys.argv[3])
try:
    with session.hold(RunConfig(folder, folder, run_id), wait) as held:
        with (folder / "diary").open("a") as diary:
            print("begins", run_id, held == run_id, file=diary, flush=True)
            print("held", flush=True)
            sys.stdin.read()
            print("ends", run_id, file=diary, flush=True)
except RunFolderBusy as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def start(folder):
    started = []

    def run(run_id, wait=0):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([sys.executable, "-c", _RUN, str(folder), run_id, repr(wait)], **pipes)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def diary(folder):
    return (folder / "diary").read_text().splitlines()


def test_of_two_one_exits_with_5_and_names_the_other(start, folder):
    first = start("first")
    assert first.stdout.readline() == "held\n"
    second = start("second")
    _, said = second.communicate()
    assert second.returncode == 5
    assert said.startswith(f"{folder}: held by run first, process {first.pid} on ")
    assert diary(folder) == ["begins first True"]


def test_started_together_one_runs_and_one_waits(start, folder):
    both = [start("a", wait=None), start("b", wait=None)]
    for process in both:
        process.stdin.close()
    assert [process.wait() for process in both] == [0, 0]
    lines = [line.split()[:2] for line in diary(folder)]
    (_, one), (_, other) = lines[0], lines[2]
    assert lines == [["begins", one], ["ends", one], ["begins", other], ["ends", other]]
    assert {one, other} == {"a", "b"}


def test_who_waits_says_for_whom_and_gets_a_new_id(start, folder):
    first = start("first")
    assert first.stdout.readline() == "held\n"
    second = start("second", wait=None)
    assert second.stdout.readline().startswith(f"{folder}: held by run first, process {first.pid} on ")
    first.stdin.close()
    second.stdin.close()
    assert second.stdout.read() == f"{folder}: free\nheld\n"
    assert diary(folder)[2] == "begins second False"


def test_waiting_has_an_end(start, folder):
    first = start("first")
    assert first.stdout.readline() == "held\n"
    late = session.hold(RunConfig(folder, folder, "second"), wait=0.2)
    with pytest.raises(RunFolderBusy, match=f"after 0.2 s still held by run first, process {first.pid} on "), late:
        pass


def test_what_a_killed_process_left_is_free(start, folder):
    first = start("first")
    assert first.stdout.readline() == "held\n"
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert (folder / ".holder").is_file()
    with session.hold(RunConfig(folder, folder, "second")) as run_id:
        assert run_id == "second"
        assert holder.who(folder).startswith(f"run second, process {os.getpid()} on ")
    assert not (folder / ".holder").exists()


def test_a_dead_process_is_not_called_the_holder(folder):
    """A child that was forked keeps the lock when its parent is killed."""
    folder.mkdir()
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE, check=True)
    holder.write(folder, "first")
    record = json.loads((folder / ".holder").read_text()) | {"process": int(ended.stdout)}
    (folder / ".holder").write_text(json.dumps(record))
    said = f"a process left over from run first, whose own process {int(ended.stdout)} has ended"
    assert holder.who(folder) == said


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"run": "x"}'])
def test_a_holder_that_has_not_written_yet(folder, text):
    folder.mkdir()
    if text is not None:
        (folder / ".holder").write_text(text)
    assert holder.who(folder) == "another run"


def test_sigterm_is_an_interruption(tmp_path, capsys):
    import typer

    def work(progress):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(typer.Exit):
        session.watched(RunConfig(tmp_path, tmp_path, "r"), work, "stages")
    assert signal.getsignal(signal.SIGTERM) is before
