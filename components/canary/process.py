"""Starts the fresh process, waits for it, and makes canary.json's content of what it said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schema.errors import CanaryInterrupted

# Loading a large model and asking it some hundred times takes seconds to a minute or two; much longer, where the
# machine has too much to do, or where the model hangs.
TIME_LIMIT_SECONDS = 900

# Nobody's code ends itself by these: they come from a person, or from a system that runs out of memory.
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_ROOT = Path(__file__).parent.parent.parent


def ask(model: Path, examples: str, warmup_file: Path) -> dict[str, Any]:
    """Asks a model in a process of its own.

    Args:
        model: SavedModel folder.
        examples: Folder of raw examples, gzip TFRecords.
        warmup_file: To write, for TensorFlow Serving.

    Returns:
        As `watch`.
    """
    command = [sys.executable, "-m", "components.canary.probe", str(model.resolve()), examples, str(warmup_file)]
    return watch(command, TIME_LIMIT_SECONDS)


def watch(command: Sequence[str], time_limit: float) -> dict[str, Any]:
    """Runs a probe; whatever it does is a finding about the model, and what is done to it is none.

    Args:
        command: Prints what `components.canary.probe` prints.
        time_limit: Seconds until it is ended.

    Returns:
        `ok`; `failures`, sentences; `checks`, each with `signature`, `request`, `ok` and `message`; and `latency`, with
        `p50_ms` and `p99_ms` by signature.

    Raises:
        CanaryInterrupted: The process was ended from outside, or took too long: a finding would be kept, and refuse the
            model for ever.
    """
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, timeout=time_limit, check=False)
    except subprocess.TimeoutExpired as expired:
        late = f"did not end within {time_limit} seconds{_last(_lines(expired.stdout or b''))}"
        raise _interrupted(f"{late}; if the machine was not busy, the model hangs there") from None
    if -done.returncode in _FROM_OUTSIDE:
        name = signal.Signals(-done.returncode).name
        raise _interrupted(f"was ended by {name}, as a system does that runs out of memory")
    return _findings(done.stdout, _end(done.returncode, done.stderr))


def _interrupted(how: str) -> CanaryInterrupted:
    return CanaryInterrupted(
        f"the process that asks the new model {how}; nothing was judged, and the same command goes on from here"
    )


def _end(code: int, stderr: bytes) -> str | None:
    """Returns how a process ended, as the end of a sentence; None if all is well."""
    if code == 0:
        return None
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    lines = stderr.decode(errors="replace").strip().splitlines()
    return f"ended with exit code {code}" + (f": {lines[-1]}" if lines else "")


def _findings(said: bytes, complaint: str | None) -> dict[str, Any]:
    checks: list[dict[str, Any]] = []
    latency: dict[str, dict[str, float]] = {}
    lines = _lines(said)
    for line in lines:
        if "check" in line:
            checks.append(line["check"])
        latency = line.get("latency", latency)
    failures = [f"{c['signature']}, {c['request']}: {c['message']}" for c in checks if not c["ok"]]
    if complaint:
        failures.append(f"the process that loaded the model {complaint}{_last(lines)}")
    elif not failures and not latency:
        failures.append("the process that loaded the model ended before it had asked everything")
    return {"ok": not failures, "failures": failures, "checks": checks, "latency": latency}


def _last(lines: Sequence[Mapping[str, Any]]) -> str:
    """Returns what a process was at, for the end of a sentence about it."""
    asked = [line["asking"] for line in lines if "asking" in line]
    return f"; the last thing it was asked was {', '.join(asked[-1])}" if asked else ""


def _lines(said: bytes) -> list[dict[str, Any]]:
    """Returns what a probe printed; a process that is killed may leave half a line."""
    found = []
    for line in said.decode(errors="replace").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [line for line in found if isinstance(line, dict)]
