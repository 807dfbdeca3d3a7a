"""A pool of Beam workers, asked for workers by a runner of Beam's own."""

import concurrent.futures
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import apache_beam as beam
import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_fn_api_pb2 as fn_api
from apache_beam.portability.api import beam_fn_api_pb2_grpc as fn_api_grpc
from apache_beam.portability.api import beam_provision_api_pb2 as provision_api
from apache_beam.portability.api import beam_provision_api_pb2_grpc as provision_api_grpc

from pipeline.runners import version, worker_pool
from pipeline.runners.flink_faults import fault

# One that nothing else imports.
MODULE = "wave"


@pytest.fixture(scope="module")
def port():
    with worker_pool.serving(0, modules=["apache_beam", MODULE]) as found:
        yield found


def run(port, folder, *options):
    """Runs a pipeline on a pool, and returns the worker's process, and whether it has imported MODULE unasked."""
    environment = ["--environment_type=EXTERNAL", f"--environment_config=localhost:{port}"]
    arguments = ["--runner=PortableRunner", "--job_endpoint=embed", *environment, *options]
    with beam.Pipeline(options=PipelineOptions(arguments)) as pipeline:
        seen = pipeline | beam.Create([None]) | beam.Map(lambda _: json.dumps([os.getpid(), MODULE in sys.modules]))
        _ = seen | beam.io.WriteToText(str(folder / "seen"), shard_name_template="")
    return json.loads((folder / "seen").read_text())


def test_a_job_has_a_worker_of_its_own_with_the_imports_done(port, tmp_path):
    one, had_one = run(port, tmp_path, f"--experiments={version.experiment()}")
    other, had_other = run(port, tmp_path)
    assert len({one, other, os.getpid()}) == 3
    assert had_one
    assert had_other


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # Beam's, of the refused job.
def test_a_job_of_another_version_is_refused_by_a_sentence_that_names_both(port, tmp_path):
    with pytest.raises(RuntimeError) as caught:
        run(port, tmp_path, f"--experiments={version.experiment()} or so")
    here, there = f"{version.text()} or so", version.text()
    assert f"not of one version ({here} here, {there} there); use the same image" in str(fault(str(caught.value)))
    assert not (tmp_path / "seen").exists()


class Job(provision_api_grpc.ProvisionServiceServicer):
    """A job that tells nothing of itself."""

    def GetProvisionInfo(self, request, context):
        return provision_api.GetProvisionInfoResponse()


@pytest.fixture
def address():
    """Where a job can be asked; there is nothing to do for a worker."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    provision_api_grpc.add_ProvisionServiceServicer_to_server(Job(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield f"localhost:{port}"
    server.stop(None)


def test_a_worker_is_there_until_it_is_stopped(port, address, caplog):
    request = fn_api.StartWorkerRequest(worker_id="a")
    request.provision_endpoint.url = request.control_endpoint.url = address
    with caplog.at_level("INFO"), grpc.insecure_channel(f"localhost:{port}") as channel:
        pool = fn_api_grpc.BeamFnExternalWorkerPoolStub(channel)
        assert pool.StartWorker(request).error == ""
        process = Path("/proc", re.search(r"worker a is process (\d+)", caplog.text)[1])
        assert process.exists()
        for _ in range(2):  # The second time there is none, which is no mistake.
            assert pool.StopWorker(fn_api.StopWorkerRequest(worker_id="a")).error == ""
        assert not process.exists()


def test_a_port_that_is_taken_is_no_port_of_another_pool(port):
    with pytest.raises(RuntimeError), worker_pool.serving(port, modules=[]):
        pass


def test_what_cannot_be_imported_is_a_failure_at_once():
    with pytest.raises(RuntimeError, match="cannot be imported"), worker_pool.serving(0, modules=["no_such_module"]):
        pass


def test_what_workers_import_leaves_a_process_that_can_be_forked():
    """No thread is left behind, but for those of OpenBLAS and jemalloc, which begin theirs anew in a forked process."""
    code = """
import importlib, pathlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
print(*(path.read_text().strip() for path in pathlib.Path("/proc/self/task").glob("*/comm")))
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, "-c", code, *worker_pool.MODULES], env=environment, capture_output=True, text=True, check=True
    )
    assert len([name for name in found.stdout.split() if not name.startswith("jemalloc")]) == 1
