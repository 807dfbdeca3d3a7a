"""Sees to a stage's jobs on a Flink cluster: one that does nothing is cancelled, and none is left when the stage ends.

Flink begins the tasks of a lost TaskManager anew by itself. Of a lost Beam worker it learns nothing: the job would run
for ever.
"""

from __future__ import annotations

import dataclasses
import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from pipeline.runners import flink
from pipeline.runners.flink_faults import NO_SLOTS, fault
from schema.errors import ClusterFailed, ServerUnavailable, UserError, WorkerLost

# Seconds: between two looks at a job; for a job to appear, or to end, when its stage has ended, and between two looks
# then; for a port to answer.
_EVERY, _GRACE, _PAUSE, _CONNECT = 10, 10, 0.2, 20


@dataclasses.dataclass
class _Watch:
    """What is known of a stage's jobs.

    Attributes:
        stage: Its name.
        url: Flink's address; None if nobody has said it.
        patience: Seconds without progress.
        names: Of the jobs, each of which appears when Beam has handed it on.
        verdict: Why one was cancelled.
        has_ended: Whether the stage has.
    """

    stage: str
    url: str | None
    patience: float
    names: list[str] = dataclasses.field(default_factory=list)
    verdict: ClusterFailed | None = None
    has_ended: threading.Event = dataclasses.field(default_factory=threading.Event)


@contextmanager
def watched(stage: str, options: Mapping[str, Any], patience: float) -> Iterator[Callable[[], dict[str, Any]]]:
    """Yields what gives the Beam options by which the jobs of a stage are known; to be called for each pipeline.

    Args:
        stage: Its name.
        options: Of Beam. If they do not say where Flink is, nothing is watched, and errors alone are explained.
        patience: Minutes without progress after which a job is cancelled.

    Raises:
        ServerUnavailable: Flink or the job server does not answer; when the first pipeline is asked for.
        WorkerLost: A job did nothing any more, or the cluster lost a part of itself.
        ClusterFailed: The cluster cannot do it as it is.
    """
    if not flink.is_asked(options):
        yield dict
        return
    watch = _Watch(stage, flink.address(options), patience * 60)
    is_interrupted = True
    try:
        yield lambda: _named(watch, options)
        is_interrupted = False
    except Exception as error:
        is_interrupted = False
        if (cause := _cause(watch, error)) is None:
            raise
        logging.exception("%s failed on Flink", stage)
        raise cause from None
    finally:
        watch.has_ended.set()
        _clear(watch, is_interrupted)


def _named(watch: _Watch, options: Mapping[str, Any]) -> dict[str, Any]:
    """Begins to watch a job that is about to begin."""
    if not watch.names:
        _check(watch, options)
    if watch.url is None:
        return {}
    if not watch.names:
        threading.Thread(target=_guard, args=(watch, watch.url), name=f"watch-{watch.stage}", daemon=True).start()
    watch.names.append(f"{options.get('job_name') or 'multihead'}-{watch.stage}-{uuid.uuid4().hex[:8]}")
    return {"job_name": watch.names[-1]}


def _check(watch: _Watch, options: Mapping[str, Any]) -> None:
    """Raises ServerUnavailable if Flink or Beam's job server does not answer."""
    if watch.url is not None:
        try:
            flink.slots(watch.url)
        except ServerUnavailable as error:
            mend = "start the cluster, or name another by `flink_master` in the profile"
            raise ServerUnavailable(f"{watch.stage}: {error}; {mend}") from None
    endpoint = str(options.get("job_endpoint") or "")
    host, _, port = endpoint.rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT).close()
        except OSError as error:
            raise ServerUnavailable(
                f"{watch.stage}: Beam's job server at {endpoint} does not answer ({error.strerror or error}); start it,"
                " or name another by `job_endpoint` in the profile"
            ) from None


def _guard(watch: _Watch, url: str) -> None:
    """Cancels jobs that do nothing, until the stage ends."""
    seen: dict[str, tuple[flink.Progress, float]] = {}
    while not watch.has_ended.wait(min(_EVERY, watch.patience / 10)):
        with suppress(ServerUnavailable):  # It may be back at the next look.
            for job in flink.jobs(url, watch.names):
                if job.has_ended:
                    continue
                progress = flink.progress(url, job.id)
                if job.id not in seen or seen[job.id][0] != progress:
                    seen[job.id] = progress, time.monotonic()
                elif time.monotonic() - seen[job.id][1] >= watch.patience and not watch.has_ended.is_set():
                    watch.verdict = watch.verdict or _verdict(watch, progress)
                    logging.warning("%s: %s is cancelled: %s", watch.stage, job.name, watch.verdict)
                    flink.cancel(url, job.id)


def _verdict(watch: _Watch, progress: flink.Progress) -> ClusterFailed:
    minutes = f"{watch.patience / 60:g} minute{'' if watch.patience == 60 else 's'}"
    if progress.is_waiting:
        return ClusterFailed(f"{watch.stage}: within {minutes} {NO_SLOTS}")
    return WorkerLost(
        f"{watch.stage}: its job on Flink made no progress for {minutes} and was cancelled; see the logs of Beam's"
        " workers, one of which may have died, or raise `patience` in the profile if pieces of its work take that long"
    )


def _cause(watch: _Watch, error: Exception) -> Exception | None:
    """Returns what an error means; None if it means what it says."""
    if watch.verdict is not None:
        return watch.verdict
    if isinstance(error, UserError):
        return None
    # Together, as Beam may know that a part was lost, and Flink why.
    found = fault("\n".join([*_texts(error), _told_by_flink(watch)]))
    return found and type(found)(f"{watch.stage}: {found}")


def _texts(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__ or error.__context__


def _told_by_flink(watch: _Watch) -> str:
    """Returns what made the stage's jobs fail; Beam hands on the innermost cause alone."""
    if watch.url is None or not watch.names:
        return ""
    with suppress(ServerUnavailable):
        failed = [job for job in flink.jobs(watch.url, watch.names) if job.state == "FAILED"]
        return "\n".join(flink.failure(watch.url, job.id) for job in failed)
    return ""


def _clear(watch: _Watch, is_interrupted: bool) -> None:
    """Cancels what is left of a stage's jobs, and waits a little for their end.

    Args:
        watch: The stage has ended.
        is_interrupted: Whether a job may be on its way to Flink still.
    """
    if watch.url is None or not watch.names:
        return
    deadline = time.monotonic() + _GRACE
    with suppress(ServerUnavailable):
        while True:
            found = flink.jobs(watch.url, watch.names)
            left = [job for job in found if not job.has_ended]
            for job in left:
                with suppress(ServerUnavailable):  # It has just ended.
                    flink.cancel(watch.url, job.id)
            if not left and (not is_interrupted or {job.name for job in found} == set(watch.names)):
                return
            if time.monotonic() > deadline:
                break
            time.sleep(_PAUSE)
    logging.warning("%s: jobs on Flink may be left: %s", watch.stage, ", ".join(watch.names))
