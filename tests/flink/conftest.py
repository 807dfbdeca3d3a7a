"""One cluster for all of `make test-flink`, the runs on it, and a table of their jobs."""

import signal
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from cluster import PROFILE, Cluster, Run

ROWS = 2_000
_RUNS = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[_RUNS] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Else fixtures would not take the cluster down.


def pytest_collection_modifyitems(items):
    """Gives time, as a whole run is in the set-up of whichever test asks first; what breaks the cluster comes last."""
    items.sort(key=lambda item: item.path.name == "test_faults.py")
    for item in items:
        item.add_marker(pytest.mark.timeout(3600))


def pytest_terminal_summary(terminalreporter, config):
    """Prints a line for each job on Flink, and for each run."""
    if not config.stash[_RUNS]:
        return
    terminalreporter.section("jobs on Flink")
    for run in config.stash[_RUNS]:
        for job in run.jobs:
            shares = ", ".join(f"{host}: {count:,}" for host, count in sorted(job.records.items()))
            line = f"{run.title:<34} {job.stage:<13} {job.state:<9} {job.tasks:>4} tasks {job.seconds:6.1f} s  {shares}"
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"{run.title:<34} exit code {run.code}, {run.seconds:.0f} s in all")
    terminalreporter.write_line("the numbers after TaskManagers: records that their tasks have read from each other")


@pytest.fixture(scope="session")
def the_cluster(tmp_path_factory, say):
    """Goes down in the end, whatever happens."""
    made = Cluster(tmp_path_factory.getbasetemp(), say)
    try:
        yield made
    finally:
        made.down()


@pytest.fixture
def cluster(the_cluster):
    """The cluster, whole again if the test before has broken it."""
    if not the_cluster.is_whole:
        the_cluster.up()
    return the_cluster


@pytest.fixture(scope="session")
def whole_cluster(the_cluster):
    """For what is done once."""
    if not the_cluster.is_whole:
        the_cluster.up()
    return the_cluster


@pytest.fixture(scope="session")
def sample(flights_sample):
    return flights_sample(ROWS)


@pytest.fixture(scope="session")
def begin(the_cluster, say, sample, quick, pytestconfig):
    """Begins runs of flights, on the sample if nothing else is given."""
    begun = []

    def once(title, folder, *options, on_flink=True, data=sample, environment=(), **more):
        """`more` goes into `all` of the cluster's profile; without Flink there is no profile."""
        output = the_cluster.shared / folder
        words = ["env", *(f"{name}={value}" for name, value in dict(environment).items())]
        words += ["multihead", "run", "flights", f"--data={data}", f"--output={output}", *quick, *options]
        if on_flink:
            profile = yaml.safe_load(PROFILE.read_text())
            profile["all"].update(more)
            file = the_cluster.shared / f"profile-{len(begun)}.yaml"
            file.write_text(yaml.safe_dump(profile))
            words.append(f"--profile={file}")
        begun.append(Run(the_cluster, title, output, words, say))
        pytestconfig.stash[_RUNS].append(begun[-1])
        return begun[-1]

    yield once
    for run in begun:
        run.stop()


@pytest.fixture(scope="session")
def in_process(whole_cluster, begin):
    """The whole graph in one process of the same image."""
    return begin("in process", "in_process", on_flink=False).finish()


@pytest.fixture(scope="session")
def undisturbed(whole_cluster, begin):
    """The whole graph on the cluster."""
    return begin("on Flink", "undisturbed").finish()
