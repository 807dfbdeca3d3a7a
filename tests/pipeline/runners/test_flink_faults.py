"""What Flink, Beam and Java say, and what it means."""

import pytest

from pipeline.runners.flink_faults import fault, other_versions
from schema.errors import ClusterFailed, WorkerLost

_SUPPRESSED = (
    "org.apache.flink.runtime.JobException: Recovery is suppressed by FixedDelayRestartBackoffTimeStrategy("
    "maxNumberRestartAttempts=3, backoffTimeMS=5000)\nCaused by: "
)
_VERSIONS = (
    "Pipeline construction environment and pipeline runtime environment are not compatible. If you use a custom"
    " container image, check that the Python interpreter minor version and the Apache Beam version in your image match"
    " the versions used at pipeline construction time."
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "java.util.concurrent.CompletionException: org.apache.flink.runtime.jobmanager.scheduler."
            "NoResourceAvailableException: Could not acquire the minimum required resources.",
            "taskmanager.numberOfTaskSlots",
        ),
        (
            "java.io.IOException: Insufficient number of network buffers: required 17, but only 3 available. The total"
            " number of network buffers is currently set to 2048 of 32768 bytes each.",
            "taskmanager.memory.network.max",
        ),
        (
            "java.io.IOException: Insufficient number of network buffers: Cannot allocate 512 buffers",
            "sort-shuffle.min-buffers",
        ),
        ("java.lang.OutOfMemoryError: Java heap space", "raise taskmanager.memory.process.size"),
        (
            "java.lang.OutOfMemoryError: Direct buffer memory. The direct out-of-memory error has occurred.",
            "raise taskmanager.memory.task.off-heap.size, and taskmanager.memory.process.size",
        ),
        (
            "java.lang.OutOfMemoryError: Cannot reserve 4194304 bytes of direct buffer memory (allocated: 1, limit: 2)",
            "off-heap.size",
        ),
        (
            "java.lang.OutOfMemoryError: Metaspace. The metaspace out-of-memory error has occurred.",
            "raise taskmanager.memory.jvm-metaspace.size, and taskmanager.memory.process.size",
        ),
        (
            "org.apache.flink.util.FlinkException: Container released: Exit code 137, OOMKilled. TaskManager with id"
            " taskmanager-1:35467-0d63ba is no longer reachable.",
            "raise taskmanager.memory.process.size",
        ),
        (
            "java.lang.RuntimeException: No client connected within timeout\n\tat org.apache.beam.runners.fnexecution",
            "are of different versions; use the same image on both sides",
        ),
        (f"RuntimeError: {_VERSIONS}", "of one version; use the same image on both sides"),
        (
            f"{_VERSIONS} Submission environment: beam:version:sdk_base:apache/beam_python3.10_sdk:2.65.0. Runtime"
            " environment: beam:version:sdk_base:apache/beam_python3.13_sdk:2.77.0.\n\tat org.apache.beam",
            "of one version (Python 3.10 with Beam 2.65.0 here, Python 3.13 with Beam 2.77.0 there); use",
        ),
        (
            f"java.lang.IllegalStateException: {other_versions('A, 1', 'A, 2')}\n\tat org.apache",
            "of one version (A, 1 here, A, 2 there); use the same image on both sides",
        ),
        (
            "Could not find Flink job (84c4ac9edbf4a9f2a7a8d4e3ff1c6a42)",
            "run the same command again",
        ),
        (
            '<_MultiThreadedRendezvous of RPC that terminated with:\n\tstatus = StatusCode.UNAVAILABLE\n\tdetails = "S',
            "Beam's job server, was lost",
        ),
    ],
)
def test_a_sentence_names_what_to_change(text, said):
    found = fault(_SUPPRESSED + text)
    assert type(found) is ClusterFailed
    assert said in str(found)
    assert "{" not in str(found)


@pytest.mark.parametrize(
    "text",
    [
        "org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id taskmanager-1:35467-0d63ba is no"
        " longer reachable.",
        "java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id taskmanager-2:41233-9 timed out.",
        "org.apache.flink.runtime.io.network.netty.exception.RemoteTransportException: Connection unexpectedly closed"
        " by remote task manager 'taskmanager-1/172.18.0.4:37001'.",
        "org.apache.flink.runtime.rpc.exceptions.RecipientUnreachableException: Could not send message [RemoteRpc"
        "Invocation(TaskExecutorGateway.submitTask(TaskDeploymentDescriptor, JobMasterId, Time))] from sender [Actor[p",
        "Connecting to remote task manager '/172.20.0.3:33279 [ 172.20.0.3:36275-6c5c8b ] ' has failed. This might"
        " indicate that the remote task manager has been lost.",
        "org.apache.beam.vendor.grpc.v1p60p1.io.grpc.StatusRuntimeException: CANCELLED: call already cancelled.",
        "org.apache.beam.vendor.grpc.v1p60p1.io.grpc.StatusRuntimeException: CANCELLED: client cancelled",
    ],
)
def test_what_is_lost_may_be_there_at_the_next_try(text):
    assert type(fault(_SUPPRESSED + text)) is WorkerLost


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RuntimeError: Pipeline job_1 failed in state CANCELLED: unknown error",
        "Traceback (most recent call last): ValueError: not a number [while running 'Transform/Memory']",
    ],
)
def test_anything_else_is_no_fault_of_a_cluster(text):
    assert fault(_SUPPRESSED + text) is None
