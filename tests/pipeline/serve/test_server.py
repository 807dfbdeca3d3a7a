"""The command: from start to a graceful end, as a process of its own."""

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

MULTIHEAD = Path(sys.executable).with_name("multihead")
BODY = b'{"instances": [{"amount": 3}]}'


def command(task, run, *options):
    return [str(MULTIHEAD), "serve", str(task), "--run", str(run), *options]


@pytest.fixture
def start(write_task, folder, push):
    """Starts a server of version 1; yields the process and its address."""
    push(1)
    started = []

    def start(*options):
        arguments = command(write_task(), folder.parent, "--port=0", "--poll=0.1", *options)
        started.append(subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True))
        lines = iter(started[-1].stderr.readline, "")
        address = next(found[1] for line in lines if (found := re.search(r"(http://\S+)/v1/models/toy; ", line)))
        return started[-1], address

    yield start
    for process in started:
        process.kill()
        process.communicate()


def describe(version, **described):
    """Lets a version say something else of itself."""
    file = version / "assets.extra" / "multihead.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | described))


@pytest.fixture
def broken(folder):
    """A version 2 that does not even say what it is."""
    (folder / "2" / "assets.extra").mkdir(parents=True)
    for file in ("saved_model.pb", "assets.extra/multihead.json"):
        (folder / "2" / file).write_text("{")


@pytest.mark.usefixtures("broken")
def test_a_broken_newest_version_and_one_that_names_no_task_stop_nobody_and_a_running_request_is_finished(
    start, folder, wait_until
):
    describe(folder / "1", task="")
    process, address = start()
    wait_until(lambda: httpx.get(f"{address}/healthz").status_code == 200)
    assert httpx.get(f"{address}/healthz").json()["version"] == "1"
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n"
        connection.sendall(head.encode() + BODY[:10])
        wait_until(lambda: httpx.get(f"{address}/healthz").status_code == 200)  # The half request has been read.
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: not listens(host, int(port)))
        connection.sendall(BODY[10:])
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert process.wait(60) == 0
    log = process.stderr.read()
    assert re.search(r" version 1 is served, loaded in ", log)
    assert log.rstrip().endswith(" stopped")
    assert "Traceback" not in log


@pytest.mark.usefixtures("broken")
def test_a_model_of_another_task_is_a_sentence(write_task, folder, push):
    push(1)
    describe(folder / "1", task="other")
    done = run(write_task(), folder.parent)
    sentence = f"{folder}/1: is a model of the task 'other', not of 'toy'; give another --run\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)


def test_it_can_be_stopped_before_it_is_ready(start):
    process, _ = start()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert "Traceback" not in process.stderr.read()


def listens(host, port):
    try:
        socket.create_connection((host, port), timeout=60).close()
    except ConnectionRefusedError:
        return False
    return True


def run(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=60)


def test_a_port_in_use_is_a_sentence(write_task, folder, push):
    push(1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(write_task(), folder.parent, f"--port={port}")
    assert done.returncode == 2
    assert done.stderr == (
        f"127.0.0.1:{port}: cannot be listened at (Address already in use); give another --host or --port\n"
    )


def test_an_unknown_host_is_a_sentence(write_task, folder, push):
    push(1)
    done = run(write_task(), folder.parent, "--host=no such host")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("no such host:8501: cannot be listened at (")
    assert done.stderr.count("\n") == 1


def test_without_a_model_there_is_a_sentence(write_task, tmp_path):
    done = run(write_task(), tmp_path / "run")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_other_machines_are_warned_about(start):
    process, _ = start("--host=0.0.0.0")
    assert "can be reached from other machines, and nobody is asked who they are" in process.stderr.readline()
