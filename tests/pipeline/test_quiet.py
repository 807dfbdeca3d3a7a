"""What reaches the terminal, and what goes to the log."""

import os
import subprocess
import sys

import pytest

from pipeline.quiet import message, root_cause
from schema.errors import DataError

NOISE = """
import logging, os, subprocess, sys
from pathlib import Path
from pipeline.quiet import output_to

print("before")
with output_to(Path(sys.argv[1])) as console:
    os.write(1, b"native output\\n")
    os.write(2, b"native error\\n")
    print("python output")
    print("python error", file=sys.stderr)
    subprocess.run(["echo", "child output"])
    logging.getLogger("beam").info("logged")
    console.print("a line per stage" if len(sys.argv) < 4 else os.fsdecode(b"\\xff.png"))
    if len(sys.argv) > 2:
        raise SystemExit("failed")
print("after")
print("error after", file=sys.stderr)
# As Beam's threads do, of a job that was cancelled. A root logger without a handler would get one here.
logging.log(logging.ERROR, "too late")
logging.getLogger("beam").info("too late")
"""
IN_THE_LOG = ("native output", "native error", "python output", "python error", "child output", "I beam logged")


def run(log, *arguments):
    command = [sys.executable, "-c", NOISE, str(log), *arguments]
    # Buffered, as in a pipe, whatever this environment asks for: what is printed must not come out at the end.
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=buffered)


class TestOutputTo:
    def test_noise_goes_to_the_log_and_the_console_to_the_terminal(self, tmp_path):
        log = tmp_path / "logs" / "r1.log"
        done = run(log)
        assert (done.stdout, done.returncode) == ("before\na line per stage\nafter\n", 0)
        assert done.stderr == "error after\n"
        text = log.read_text()
        assert [line for line in IN_THE_LOG if line not in text] == []
        assert "too late" not in text
        assert "a line per stage" not in text

    def test_the_terminal_comes_back_after_a_failure_and_the_log_is_appended_to(self, tmp_path):
        log = tmp_path / "r1.log"
        log.write_text("from an earlier run\n")
        done = run(log, "fail")
        assert (done.stdout, done.stderr, done.returncode) == ("before\na line per stage\n", "failed\n", 1)
        assert log.read_text().startswith("from an earlier run\n")
        assert "python error" in log.read_text()

    def test_a_name_that_is_not_utf8(self, tmp_path):
        done = run(tmp_path / "r1.log", "fail", "with a name")
        assert (done.stdout, done.stderr) == ("before\n\\udcff.png\n", "failed\n")


class TestRootCause:
    def test_without_a_cause_it_is_the_error_itself(self):
        error = ValueError("a")
        assert root_cause(error) is error

    def test_the_first_of_a_chain(self):
        first, by_beam, by_tfx = DataError("no rows"), ValueError("wrapped by Beam"), RuntimeError("wrapped by TFX")
        by_beam.__cause__, by_tfx.__cause__ = first, by_beam
        assert root_cause(by_tfx) is first


class TestMessage:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (DataError("a.parquet: no rows"), "a.parquet: no rows"),
            (DataError("two\nlines"), "two\nlines"),
            (DataError("no rows [while running 'ExampleGen/Write']"), "no rows"),
            (ValueError("bad [while running 'Transform/A\nB']\nand a graph"), "ValueError: bad"),
            (ValueError(), "ValueError"),
            (ValueError("x" * 600), "ValueError: " + "x" * 500),
            (DataError("x" * 600), "x" * 600),
        ],
    )
    def test_message(self, error, expected):
        assert message(error) == expected
