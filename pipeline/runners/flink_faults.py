"""What goes wrong on a Flink cluster, told by what Flink, Beam and Java say, in sentences that name what to change."""

from __future__ import annotations

import re

from schema.errors import ClusterFailed, WorkerLost

NO_SLOTS = (
    "Flink had no free slot for its tasks; lower `parallelism` in the profile, start more TaskManagers, raise"
    " taskmanager.numberOfTaskSlots, or wait until other jobs are done"
)
_LOST = (
    "a TaskManager of Flink, or a Beam worker beside it, was lost; their logs say why, such as want of memory"
    " (taskmanager.memory.process.size, or .jvm-metaspace.size), and restart-strategy.fixed-delay.attempts how often"
    " Flink itself begins anew"
)
_GONE = "the JobManager of Flink, or Beam's job server, was lost; its log says why: run the same command again"
_OTHER_VERSIONS = "the command and Beam's workers are not of one version{versions}; use the same image on both sides"
# The first that is found counts: what is lost may have been lost for want of memory.
_FAULTS: tuple[tuple[str, type[ClusterFailed], str], ...] = (
    (
        r"Pipeline construction environment and pipeline runtime environment are not compatible",
        ClusterFailed,
        _OTHER_VERSIONS,
    ),
    (
        re.escape(_OTHER_VERSIONS.partition("{")[0]),  # As a pool of ours says it.
        ClusterFailed,
        _OTHER_VERSIONS,
    ),
    (
        r"No client connected within timeout",
        ClusterFailed,
        "a Beam worker started and did not take up its work: its log says why, such as that the command and the workers"
        " are of different versions; use the same image on both sides",
    ),
    (
        r"Insufficient number of network buffers",
        ClusterFailed,
        "Flink ran out of network buffers; raise taskmanager.memory.network.max (and .min), or lower"
        " taskmanager.network.sort-shuffle.min-buffers",
    ),
    (
        r"OutOfMemoryError: Metaspace",
        ClusterFailed,
        "a TaskManager of Flink ran out of memory for classes; raise taskmanager.memory.jvm-metaspace.size, and"
        " taskmanager.memory.process.size by as much",
    ),
    (
        r"OutOfMemoryError: (Cannot reserve \d+ bytes of direct|Direct) buffer memory",
        ClusterFailed,
        "a TaskManager of Flink ran out of direct memory; raise taskmanager.memory.task.off-heap.size, and"
        " taskmanager.memory.process.size by as much",
    ),
    (
        r"java\.lang\.OutOfMemoryError|Java heap space|OOMKilled|running beyond (physical|virtual) memory limits"
        r"|Exit code(:| is)? 137",
        ClusterFailed,
        "a TaskManager of Flink ran out of memory, or Beam's job server, if Flink has no such job; raise"
        " taskmanager.memory.process.size, or Java's -Xmx of the job server",
    ),
    (r"NoResourceAvailableException|Could not acquire the minimum required resources", ClusterFailed, NO_SLOTS),
    (
        r"TaskManager with id \S+ (is no longer reachable|timed out)|RemoteTransportException"
        r"|RecipientUnreachableException|the remote task manager (was|has been) lost|The TaskExecutor is shutting down"
        r"|StatusRuntimeException: CANCELLED: (client cancelled|call already cancelled)",
        WorkerLost,
        _LOST,
    ),
    (
        r"Could not find Flink job|Number of retries has been exhausted"
        r"|RPC that terminated with:\s+status = StatusCode\.UNAVAILABLE",
        ClusterFailed,
        _GONE,
    ),
)
# As Beam names the image of a Python and of itself: apache/beam_python3.13_sdk:2.77.0.
_VERSIONS = re.compile(r"(Submission|Runtime) environment: \S*python(?P<python>[\d.]+)_sdk:(?P<beam>\w+(\.\w+)*)")
_SIDES = re.compile(r" \([^()]+ here, [^()]+ there\)")


def other_versions(here: str, there: str) -> str:
    """Returns what there is to say if the command is of another version than the workers.

    Args:
        here: The command's.
        there: The workers'.
    """
    return _OTHER_VERSIONS.format(versions=f" ({here} here, {there} there)")


def fault(text: str) -> ClusterFailed | None:
    """Returns what a text of Flink, Beam or Java means; None if it is no fault of a cluster's that is known."""
    for pattern, kind, sentence in _FAULTS:
        if re.search(pattern, text):
            return kind(sentence.format(versions=_versions(text)) if "{" in sentence else sentence)
    return None


def _versions(text: str) -> str:
    if sides := _SIDES.search(text):
        return sides[0]
    of = {found[1]: f"Python {found['python']} with Beam {found['beam']}" for found in _VERSIONS.finditer(text)}
    return f" ({of['Submission']} here, {of['Runtime']} there)" if len(of) == 2 else ""
