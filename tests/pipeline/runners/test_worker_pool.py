"""A pool of Beam workers, asked for workers by a runner of Beam's own."""

import json
import os
import subprocess
import sys

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.runners import version, worker_pool
from pipeline.runners.flink_faults import fault

# One that nothing else imports.
MODULE = "turtledemo"


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
