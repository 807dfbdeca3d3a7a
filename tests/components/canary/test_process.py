"""Whatever becomes of the process that loads a model, there are findings, with a sentence for each failure."""

import json
import sys

import pytest

from components.canary import process
from schema.errors import CanaryInterrupted

RIGHT = {"signature": "serving_default", "request": "one row", "ok": True, "message": ""}
WRONG = {"signature": "evaluation", "request": "no rows", "ok": False, "message": "it failed: oh"}
LATENCY = {"serving_default": {"p50_ms": 1.0, "p99_ms": 2.0}}
ASKING = {"asking": ["evaluation", "no rows"]}


def watch(*lines, end="", time_limit=60):
    """Runs a process that prints the lines and ends so."""
    printing = "".join(f"print({json.dumps(line)!r}, flush=True)\n" for line in lines)
    return process.watch([sys.executable, "-c", f"import os, sys, time\n{printing}{end}"], time_limit)


def test_all_is_well():
    found = watch(ASKING, {"check": RIGHT}, {"latency": LATENCY})
    assert found == {"ok": True, "failures": [], "checks": [RIGHT], "latency": LATENCY}


def test_a_failed_check_is_a_failure_in_words():
    found = watch(ASKING, {"check": RIGHT}, {"check": WRONG}, {"latency": LATENCY})
    assert not found["ok"]
    assert found["failures"] == ["evaluation, no rows: it failed: oh"]
    assert found["checks"] == [RIGHT, WRONG]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("os.kill(os.getpid(), 11)", "was ended by SIGSEGV"),
        ("os.abort()", "was ended by SIGABRT"),
        ("sys.exit(3)", "ended with exit code 3"),
        ("raise ValueError('no such op')", "ended with exit code 1: ValueError: no such op"),
        ("sys.stdout.write('{\"che'); sys.stdout.flush(); os.kill(os.getpid(), 11)", "was ended by SIGSEGV"),
    ],
)
def test_a_process_that_dies_is_a_failure_that_names_the_last_request(end, expected):
    found = watch({"check": RIGHT}, ASKING, end=end)
    last = "; the last thing it was asked was evaluation, no rows"
    assert (found["ok"], found["failures"]) == (False, [f"the process that loaded the model {expected}{last}"])
    assert found["checks"] == [RIGHT]


@pytest.mark.parametrize(
    ("lines", "last"), [([ASKING], "; the last thing it was asked was evaluation, no rows"), ([], "")]
)
def test_a_process_that_takes_too_long_is_ended_and_says_nothing_about_the_model(lines, last):
    # The machine may have had too much else to do.
    with pytest.raises(CanaryInterrupted) as interrupted:
        watch(*lines, end="time.sleep(600)", time_limit=2)
    assert str(interrupted.value) == (
        f"the process that asks the new model did not end within 2 seconds{last}; if the machine was not busy, the "
        "model hangs there; nothing was judged, and the same command goes on from here"
    )


def test_a_process_that_says_nothing_is_a_failure():
    found = watch("a warning of some library", 7)
    assert found["failures"] == ["the process that loaded the model ended before it had asked everything"]


def test_a_process_that_says_why_it_stopped_is_not_blamed_twice():
    assert watch({"check": WRONG})["failures"] == ["evaluation, no rows: it failed: oh"]


def test_an_end_from_outside_says_nothing_about_the_model():
    with pytest.raises(CanaryInterrupted, match=r"ended by SIGKILL.*the same command goes on"):
        watch(ASKING, end="os.kill(os.getpid(), 9)")
