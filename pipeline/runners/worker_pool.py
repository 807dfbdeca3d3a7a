"""A pool of Beam workers that start at once, to be kept beside each TaskManager of Flink.

    python -m pipeline.runners.worker_pool --port 50000

It answers as apache_beam.runners.worker.worker_pool_main does. There a worker is a new Python, which imports Beam,
TensorFlow and TFX at the beginning of every job, 15 s of a core and more; here it is forked from a process that has
imported them once. A job of another version is refused before it has a worker, whose protest Flink would not hear.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import multiprocessing
import signal
import sys
from collections.abc import Collection, Iterator, Mapping
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2 as fn_api
from apache_beam.portability.api import beam_fn_api_pb2_grpc as fn_api_grpc
from apache_beam.portability.api import beam_provision_api_pb2 as provision_api
from apache_beam.portability.api import beam_provision_api_pb2_grpc as provision_api_grpc
from apache_beam.utils.thread_pool_executor import shared_unbounded_instance
from google.protobuf import json_format

from pipeline.runners import version
from pipeline.runners.flink_faults import other_versions

_log = logging.getLogger(__name__)
# What workers import for the stages, and leaves no thread behind, with which a process could not be forked.
MODULES = (
    "apache_beam.runners.worker.sdk_worker",
    "components.data_gate.drift.read",
    "components.evaluator.component",
    "components.example_gen.component",
    "components.statistics_gen.component",
    "components.transform.component",
    "pipeline.predict.run",
)
# Seconds: that a worker is given to end; for the runner to say what a job is.
_GRACE, _PATIENCE = 10, 60
# As Beam's own pool starts its workers: no cache of state, and elements are sent on when a bundle ends.
_HARNESS: Mapping[str, Any] = {"state_cache_size": 0, "data_buffer_time_limit_ms": -1}


class WorkerPool(fn_api_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts and stops workers, each a process of its own.

    Args:
        modules: What they find imported.
    """

    def __init__(self, modules: Collection[str]):
        self._version = version.text()  # Of the sources that are imported now, whatever becomes of the files.
        self._modules = tuple(modules)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([*modules])
        self._workers: dict[str, BaseProcess] = {}

    def warm_up(self) -> None:
        """Waits until all is imported; workers that are asked for before wait, too.

        Raises:
            RuntimeError: It cannot be imported.
        """
        worker = self._context.Process(target=_import, args=(self._modules,), daemon=True)
        worker.start()
        worker.join()
        if worker.exitcode:
            raise RuntimeError("what Beam's workers need cannot be imported, see above")

    def StartWorker(
        self, request: fn_api.StartWorkerRequest, context: grpc.ServicerContext
    ) -> fn_api.StartWorkerResponse:
        """Starts a worker, unless the job is of another version."""
        if refusal := self._refusal(request):
            _log.warning("no worker %s: %s", request.worker_id, refusal)
            return fn_api.StartWorkerResponse(error=refusal)
        # Daemons are ended when the pool exits.
        worker = self._context.Process(
            target=_work, args=(request.control_endpoint.url, request.worker_id), daemon=True
        )
        try:
            worker.start()
        except (OSError, EOFError) as error:
            _log.exception("no worker %s", request.worker_id)
            return fn_api.StartWorkerResponse(error=f"a Beam worker could not be forked: {error!r}")
        self._workers[request.worker_id] = worker
        _log.info("worker %s is process %d", request.worker_id, worker.pid)
        return fn_api.StartWorkerResponse()

    def StopWorker(self, request: fn_api.StopWorkerRequest, context: grpc.ServicerContext) -> fn_api.StopWorkerResponse:
        """Ends a worker, if there is one of this name."""
        if worker := self._workers.pop(request.worker_id, None):
            _end(worker)
        return fn_api.StopWorkerResponse()

    def close(self) -> None:
        """Ends all workers."""
        while self._workers:
            _end(self._workers.popitem()[1])

    def _refusal(self, request: fn_api.StartWorkerRequest) -> str | None:
        """Returns why a job gets no worker; None if it does."""
        try:
            of_command = _version_of(request)
        except grpc.RpcError as error:
            return f"the job could not be asked for its version ({error.code().name}: {error.details()})"
        return None if of_command in (None, self._version) else other_versions(of_command, self._version)


@contextlib.contextmanager
def serving(port: int, modules: Collection[str] = MODULES) -> Iterator[int]:
    """Yields the port at which a pool answers, when it has workers at once.

    Args:
        port: Which it should be; 0 for a free one.
        modules: What workers find imported.

    Raises:
        RuntimeError: The port is taken, or something cannot be imported.
    """
    pool = WorkerPool(modules)
    # A runner that waits for a long bundle asks again and again whether the connection stands.
    server = grpc.server(
        shared_unbounded_instance(),
        options=[
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.max_ping_strikes", 0),
            ("grpc.so_reuseport", 0),  # Two pools at one port would each get some of the jobs.
        ],
    )
    fn_api_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    bound = server.add_insecure_port(f"[::]:{port}")
    server.start()
    try:
        pool.warm_up()
        yield bound
    finally:
        server.stop(None)
        pool.close()


def _version_of(request: fn_api.StartWorkerRequest) -> str | None:
    """Returns the version of the command that sent a job; None if it does not tell, as none but ours does."""
    with grpc.insecure_channel(request.provision_endpoint.url) as channel:
        answer = provision_api_grpc.ProvisionServiceStub(channel).GetProvisionInfo(
            provision_api.GetProvisionInfoRequest(),
            metadata=[("worker_id", request.worker_id)],
            timeout=_PATIENCE,
            wait_for_ready=True,
        )
    options = json_format.MessageToDict(answer.info.pipeline_options)
    return version.told_by(options.get("beam:option:experiments:v1") or [])


def _work(endpoint: str, name: str) -> None:
    """Is a worker: does what a runner asks for, until it says that this is all."""
    import numpy as np
    from apache_beam.runners.worker.sdk_worker import SdkHarness

    np.random.seed()  # Else all forked processes draw the same numbers.
    SdkHarness(endpoint, worker_id=name, **_HARNESS).run()


def _import(modules: Collection[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _end(worker: BaseProcess) -> None:
    if not worker.is_alive():  # Its number may be another's by now.
        return
    worker.terminate()
    worker.join(_GRACE)
    if worker.is_alive():
        worker.kill()
        worker.join()


def _told(_number: int, _frame: FrameType | None) -> None:
    sys.exit()


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=50000, help="where runners ask for workers (default: %(default)s)")
    port = parser.parse_args().port
    logging.basicConfig(level=logging.INFO)
    signal.signal(signal.SIGTERM, _told)
    try:
        with serving(port) as bound, contextlib.suppress(KeyboardInterrupt):
            _log.info("multihead's pool of Beam workers is ready at port %d", bound)
            signal.pause()
    except RuntimeError as error:
        sys.exit(f"multihead: {error}")


if __name__ == "__main__":
    main()
