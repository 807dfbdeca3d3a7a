"""The service, in a process of its own, with a stand-in for the run that needs no TensorFlow."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pipeline import status
from pipeline.schedule.cron import Cron
from pipeline.schedule.plan import Options, Plan
from pipeline.schedule.service import Service

# Due long from now, but for --now.
_SERVICE = """
import datetime, sys
from pathlib import Path
from pipeline.schedule.cron import Cron
from pipeline.schedule.plan import Options, Plan
from pipeline.schedule.service import Service

mode, folder, hook, misfire, at_once, cron = sys.argv[1:]
plan = Plan("toy", Options("toy", None, None), Cron.parse(cron, "UTC"), int(misfire), hook or None)
command = [sys.executable, "-c", Path(folder, "run.py").read_text(), mode, folder]
Service(plan, command, Path(folder), lambda line: print(line, flush=True), grace=1.0).serve(at_once == "True")
"""

# Says what it does in `diary`; its modes are ways in which a run can end.
_RUN = """
import os, signal, sys, time
from pathlib import Path
from pipeline import session, status
from pipeline.config import RunConfig
from pipeline.status import Outcome

mode, folder = sys.argv[1], Path(sys.argv[2])
run, started = RunConfig(folder, folder, "r1"), status.now()
diary = open(folder / "diary", "a")
print("begins", "MULTIHEAD_NOTIFY" in os.environ, file=diary, flush=True)
if mode == "nothing new":
    sys.exit(0)
if mode == "wrong":
    sys.exit(2)
if mode == "busy":
    sys.exit(5)
status.record("toy", run, Outcome("running", started, "running"))
if mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif mode == "long":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
if mode == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
if mode in ("deaf", "long"):
    print("works", file=diary, flush=True)
    try:
        time.sleep(100)
    except KeyboardInterrupt:
        print("stops", file=diary, flush=True)
        status.record("toy", run, Outcome("stopped", started, "stopped; the same command goes on"))
        sys.exit(1)
state = {"ok": "pushed", "failing": "failed"}[mode]
status.record("toy", run, Outcome(state, started, "all is well" if mode == "ok" else "no luck"))
sys.exit(mode == "failing")
"""


@pytest.fixture
def hook():
    """The address of a webhook, and the bodies that it got."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.received = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def serve(tmp_path, monkeypatch, hook):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("MULTIHEAD_NOTIFY", "http://127.0.0.1:1/not-for-the-run")
    (tmp_path / "run.py").write_text(_RUN)
    started = []

    def run(mode, misfire=3600, at_once=True, cron="0 2 1 1 *"):
        url = f"http://127.0.0.1:{hook.server_port}/"
        arguments = [mode, str(tmp_path), url, str(misfire), str(at_once), cron]
        command = [sys.executable, "-c", _SERVICE, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def until(process, text):
    """Returns the lines up to one that has a text."""
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    pytest.fail(f"ended without {text!r}: {lines}")


def until_working(folder):
    while not (folder / "diary").is_file() or "works" not in (folder / "diary").read_text():
        time.sleep(0.01)


def stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    rest = process.stdout.read().splitlines()
    assert process.wait() == 0
    return rest


@pytest.mark.parametrize(
    ("mode", "line", "state", "told"),
    [
        ("ok", "run pushed: all is well", "pushed", None),
        ("failing", "run failed: no luck", "failed", "no luck"),
        ("crash", "run failed: its process was ended by SIGSEGV; it goes on from ", "failed", "SIGSEGV"),
        ("nothing new", "run done: nothing new", None, None),
        ("wrong", "run failed: a mistake in the task or the command, or data that cannot be read", None, "a mistake"),
        ("busy", "run failed: another run held the folder", None, "another run held"),
    ],
)
def test_the_outcome_of_a_run_is_said_and_told(serve, hook, tmp_path, mode, line, state, told):
    service = serve(mode)
    lines = until(service, "run pushed" if mode == "ok" else line.partition(":")[0])
    assert lines[-1].startswith(line)
    [due] = until(service, "next run at ")
    assert due.startswith("next run at 20")
    assert due.endswith("-01-01 02:00 UTC")
    assert stop(service) == ["stopped"]
    found = status.read(tmp_path)
    assert found.get("state") == state
    assert found["next_run"].endswith("-01-01T02:00:00+00:00")
    assert (tmp_path / "diary").read_text() == "begins False\n"
    assert [told in body["sentence"] for body in hook.received] == ([True] if told else [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_run_is_stopped_and_stays_due(serve, tmp_path, number, hook):
    service = serve("long")
    until_working(tmp_path)
    lines = stop(service, number)
    assert lines[-3:] == [
        "stopping the run, which has 1 s for it",
        "run stopped: stopped; the same command goes on",
        "stopped",
    ]
    assert status.read(tmp_path)["state"] == "stopped"
    assert (tmp_path / "diary").read_text().endswith("works\nstops\n")
    assert hook.received == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("lines", range(16))
def test_told_at_any_moment_it_stops(tmp_path, lines):
    """The signal comes so many lines of Python after the last that it says, or, if it is waiting by then, soon."""
    waiting = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGTERM])
    left, said = lines, []

    def line_by_line(_frame, event, _argument):
        nonlocal left
        if event == "line" and said and waiting.is_alive():
            left -= 1
            if left < 0:
                waiting.cancel()
                waiting.join()
                signal.raise_signal(signal.SIGTERM)
        return line_by_line

    def say(line):
        if not said:
            waiting.start()
        said.append(line)

    plan = Plan("toy", Options("toy", None, None), Cron.parse("0 2 1 1 *", "UTC"), 60, None)
    service = Service(plan, ["false"], tmp_path, say)
    before = sys.gettrace()
    sys.settrace(line_by_line)
    try:
        service.serve(at_once=False)
    finally:
        sys.settrace(before)
    assert said[-1] == "stopped"


def test_a_run_that_does_not_stop_is_killed(serve, tmp_path):
    service = serve("deaf")
    until_working(tmp_path)
    lines = stop(service)
    assert "the run did not stop within 1 s and is killed; it goes on from what was finished" in lines
    assert lines[-1] == "stopped"
    found = status.read(tmp_path)
    assert (found["state"], "SIGKILL" in found["sentence"]) == ("stopped", True)


def test_what_came_due_while_no_schedule_ran_is_made_up_for(serve, tmp_path):
    """Hours late, but within --misfire."""
    at = (status.now() - status.datetime.timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
    status.set_next_run(tmp_path, "toy", at)
    cron = f"0 {at.hour} * * *"
    late = serve("ok", misfire=5 * 3600, at_once=False, cron=cron)
    until(late, "run pushed")
    stop(late)
    status.set_next_run(tmp_path, "toy", at)
    too_late = serve("ok", misfire=3600, at_once=False, cron=cron)
    lines = until(too_late, "run left out")
    assert lines[-1] == f"run left out: it was due at {at:%Y-%m-%d %H:%M}, too long ago"
    stop(too_late)
    assert (tmp_path / "diary").read_text() == "begins False\n"


def test_without_a_past_nothing_runs_before_its_time(serve, tmp_path):
    service = serve("ok", at_once=False)
    until(service, "next run at ")
    assert stop(service) == ["stopped"]
    assert not (tmp_path / "diary").exists()
