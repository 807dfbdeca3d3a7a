"""The whole pipeline on a Flink of this machine, against the same in process: every run is the `multihead` command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.profiles import job_server
from pipeline.profiles.find import find_profile
from schema.errors import UserError

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

MULTIHEAD = Path(sys.executable).with_name("multihead")
ROWS = 2_000


@pytest.fixture(scope="module", autouse=True)
def needs_a_job_server():
    try:
        job_server.check(find_profile("flink-local"))
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def run(tmp_path_factory, flights_sample, quick):
    """Runs flights on a regular sample; returns the report and what was printed."""
    sample, folder = flights_sample(ROWS), tmp_path_factory.mktemp("flink")

    def made(output, *options):
        command = [MULTIHEAD, "run", "flights", f"--data={sample}", f"--output={folder / output}"]
        done = subprocess.run([*command, *quick, *options], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        newest = sorted((folder / output / "reports").iterdir())[-1]
        return json.loads((newest / "report.json").read_text()), done.stdout

    return made


@pytest.fixture(scope="module")
def on_flink(run):
    return run("flink", "--profile=flink-local")


def test_a_model_is_pushed_and_nothing_is_left_running(on_flink):
    report, _ = on_flink
    assert report["pushed"]
    assert [stage["id"] for stage in report["stages"] if stage["cached"]] == []
    assert [line for line in processes() if "FlinkJobServerDriver" in line or str(job_server.MADE) in line] == []


def processes():
    """Command lines of this machine's processes without a parent."""
    listed = subprocess.run(["ps", "-eo", "ppid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == "1"]


def test_rows_and_statistics_are_those_of_a_run_in_process(run, on_flink):
    here, _ = run("here")
    assert on_flink[0]["data"] == here["data"]
    labelled = [{head: found["labelled"] for head, found in report["heads"].items()} for report in (here, on_flink[0])]
    assert labelled[0] == labelled[1]


def test_one_model_is_judged_alike_in_process(run, on_flink):
    # Other slices: the Evaluator works anew, on the model that there is.
    again, printed = run("flink", "--set=slices=[[origin]]")
    assert [line.split()[0] for line in printed.splitlines() if " Trainer " in line] == ["cached"]
    assert [line.split()[0] for line in printed.splitlines() if " Evaluator " in line] == ["done"]
    for head, found in on_flink[0]["heads"].items():
        assert again["heads"][head]["overall"] == pytest.approx(found["overall"], abs=1e-6, nan_ok=True)
        assert by_origin(again["heads"][head]) == by_origin(found)


def by_origin(head):
    """Labelled rows by airport."""
    slices = (found for found in head["slices"] if set(found["slice"]) == {"origin"})
    return {found["slice"]["origin"]: found["labelled"] for found in slices}
