"""Flink's REST API, as far as the stages of a run need it; paths and fields are those of Flink 1.19 and 2."""

from __future__ import annotations

import dataclasses
import json
import re
import urllib.request
from collections.abc import Collection, Mapping
from http.client import HTTPException
from typing import Any

from pipeline.profiles import beam, job_server
from schema.errors import ServerUnavailable

# A machine that computes on all cores answers late.
_SECONDS = 20
_ADDRESS = re.compile(r"(?P<scheme>https?://)?(?P<host>[^\s/]+:\d+)/?")
_ENDED = ("FINISHED", "FAILED", "CANCELED")
_MEASURES = ("read-bytes", "write-bytes", "read-records", "write-records")
_AT_WORK = ("DEPLOYING", "INITIALIZING", "RUNNING")
# Beam's job server goes straight to Flink, too.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclasses.dataclass(frozen=True)
class Job:
    """A job of Flink.

    Attributes:
        id: Flink's.
        name: Beam's option `job_name`.
        state: Such as RUNNING.
    """

    id: str
    name: str
    state: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in _ENDED


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a job is: two that are equal mean that nothing was done between them.

    Attributes:
        measures: Of each vertex: tasks that run, tasks that are done, what was read and written.
        is_waiting: Whether none of its tasks has a slot.
    """

    measures: tuple[tuple[Any, ...], ...]
    is_waiting: bool


def is_asked(options: Mapping[str, Any]) -> bool:
    """Returns whether Beam's work is done on Flink, or on whatever is behind a job server."""
    return beam.runner_of(options) in ("FlinkRunner", "PortableRunner")


def address(options: Mapping[str, Any]) -> str | None:
    """Returns where the Flink of a stage answers, a URL without a slash at its end; None if nobody has said so.

    Args:
        options: Of Beam.
    """
    found = _ADDRESS.fullmatch(job_server.master(options)) if is_asked(options) else None
    return f"{found['scheme'] or 'http://'}{found['host']}" if found else None


def slots(url: str) -> tuple[int, int]:
    """Returns how many slots are free, and how many there are.

    Raises:
        ServerUnavailable: Flink does not answer, here and below.
    """
    overview = _ask(url, "/overview")
    return overview["slots-available"], overview["slots-total"]


def jobs(url: str, names: Collection[str]) -> list[Job]:
    """Returns the jobs of these names, those that have ended, too."""
    found = _ask(url, "/jobs/overview")["jobs"]
    return [Job(job["jid"], job["name"], job["state"]) for job in found if job["name"] in names]


def progress(url: str, job_id: str) -> Progress:
    """Returns how far a job is."""
    vertices = sorted(_ask(url, f"/jobs/{job_id}")["vertices"], key=lambda vertex: vertex["id"])
    measures = tuple(
        (vertex["id"], *map(vertex["tasks"].get, ("RUNNING", "FINISHED")), *map(vertex["metrics"].get, _MEASURES))
        for vertex in vertices
    )
    at_work = sum(vertex["tasks"].get(state, 0) for vertex in vertices for state in _AT_WORK)
    return Progress(measures, is_waiting=at_work == 0)


def cancel(url: str, job_id: str) -> None:
    """Asks for the end of a job, which may take a while."""
    _ask(url, f"/jobs/{job_id}?mode=cancel", "PATCH")


def failure(url: str, job_id: str) -> str:
    """Returns the stack trace of what made a job fail; an empty string if there is none."""
    found = _ask(url, f"/jobs/{job_id}/exceptions")
    newest = found.get("exceptionHistory", {}).get("entries", [])[:1]
    return found.get("root-exception") or "".join(entry["stacktrace"] for entry in newest)


def _ask(url: str, path: str, method: str = "GET") -> Any:
    request = urllib.request.Request(url + path, method=method)  # noqa: S310, a profile's address, of HTTP.
    try:
        with _open(request, timeout=_SECONDS) as answer:
            return json.loads(answer.read() or "null")
    except (OSError, HTTPException, ValueError) as error:
        raise ServerUnavailable(f"Flink at {url} does not answer ({getattr(error, 'reason', None) or error})") from None
