"""One cluster for all of `make test-image`, the runs on it, and a table of what ran in containers."""

import contextlib
import dataclasses
import importlib.metadata
import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.datasets import emoji, make_dataset

sys.path.insert(0, str(Path(__file__).parent))

from double.cluster import Cluster, Run

MULTIHEAD = Path(sys.executable).with_name("multihead")
ROWS = 6_000
# A sample this small is no ground for the real gates.
SMALL = {
    "training.epochs": "2",
    "training.batch_size": "128",
    "gates.cancelled": "[{metric: accuracy, min: 0.5}]",
    "gates.dep_delay": "[{metric: accuracy, min: 0.3}, {metric: log_loss, max: 2, slice: {origin: JFK}}]",
    "gates.arr_delay": "none",
}
_TABLE = pytest.StashKey[list]()
_SUITE = pytest.StashKey["Suite"]()


def pytest_addoption(parser):
    made = os.environ.get("IMAGE") or f"multihead:{importlib.metadata.version('multihead')}"
    parser.addoption("--image", default=made, help="The image that `make image` has made.")
    parser.addoption("--suite", default="", help="Options of pytest for the suite in a container.")


def pytest_configure(config):
    config.stash[_TABLE] = []


def pytest_collection_modifyitems(items):
    """Gives time: a whole run is in the set-up of whichever test asks first."""
    for item in items:
        item.add_marker(pytest.mark.timeout(3600))


def pytest_terminal_summary(terminalreporter, config):
    """Prints a line for each stage that ran in a container."""
    if suite := config.stash.get(_SUITE, None):
        terminalreporter.section("test suite in a container")
        terminalreporter.write_line(f"{suite.closing or 'not finished'} ({suite.seconds:.0f} s with its set-up)")
        if not suite.passed:
            terminalreporter.write_line(f"what it printed: {suite.log}")
    if not config.stash[_TABLE]:
        return
    terminalreporter.section("stages in containers")
    total = 0.0
    for title, run in config.stash[_TABLE]:
        for name, step in run.steps.items():
            if step.exit_code is not None:
                total += step.seconds
                code = f"exit code {step.exit_code}" if step.exit_code else ""
                terminalreporter.write_line(f"{title:<40} {name:<17} {step.seconds:6.1f} s  {code}".rstrip())
        if cached := sorted(run.state("cached")):
            terminalreporter.write_line(f"{title:<40} from the cache: {', '.join(cached)}")
    terminalreporter.write_line(f"{total:.0f} s in containers")


@pytest.fixture(scope="session")
def image(pytestconfig):
    return pytestconfig.getoption("image")


@pytest.fixture(scope="session")
def pinned(image):
    """The image by what it is: of one that is named by a tag, no stage is ever reused."""
    found = subprocess.run(["docker", "image", "inspect", "--format={{.Id}}", image], capture_output=True, check=True)
    return found.stdout.decode().strip()


class Suite:
    """The test suite in a container, which goes on while other tests use the second core.

    Attributes:
        log: File of what it prints.
        closing: The last line of it, with its numbers; empty if it has not come to its end.
        seconds: From its start to its end, set-up included.
        passed: Whether all is well.
    """

    def __init__(self, image, options, log):
        self.log, self._started = log, time.monotonic()
        self.closing, self.seconds, self.passed = "", 0.0, False
        # It is told when this process ends, however that happens: a kill tears no fixture down.
        command = ["setpriv", "--pdeathsig", "TERM", "sh", Path(__file__).with_name("suite.sh"), image, *options]
        with log.open("w") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self):
        self.passed = self._process.wait() == 0
        self.seconds = time.monotonic() - self._started
        self.closing = ["", *self.log.read_text().strip().splitlines()][-1]

    def wait(self):
        """Returns the exit code and what was printed."""
        self._thread.join()
        return self._process.returncode, self.log.read_text()

    def stop(self):
        """Ends it, if it has not ended; the script removes its container."""
        if self._thread.is_alive():
            self._process.terminate()
            self._thread.join()
            self.closing = ""


@pytest.fixture(scope="session", autouse=True)
def suite(request, image, tmp_path_factory):
    """Starts with the first test, if its own test is among them."""
    if not any("suite" in item.fixturenames and item.path.name == "test_suite.py" for item in request.session.items):
        yield None
        return
    emoji.npm_tarball(emoji.NPM_PACKAGE, emoji.NPM_VERSION, emoji.NPM_SHA512)  # For the cache.
    options = shlex.split(request.config.getoption("suite"))
    started = Suite(image, options, tmp_path_factory.mktemp("suite") / "log.txt")
    request.config.stash[_SUITE] = started
    yield started
    started.stop()


@dataclasses.dataclass
class Place:
    """What the host keeps: the data, and the served models.

    Attributes:
        data: A file, at the same path in containers.
        models: The folder of a claim.
        mounted: Where containers see that claim.
    """

    data: Path
    models: Path
    mounted: str = "/models"

    @contextlib.contextmanager
    def data_changed(self, change):
        """Puts other rows at the same path for a while."""
        # Moved aside and back: a copy would be another file, whose time is another.
        aside = self.data.rename(self.data.parent.with_suffix(".aside"))
        pq.write_table(change(pq.read_table(aside)), self.data)
        try:
            yield
        finally:
            aside.rename(self.data)


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """Real rows, every one of a regular sample over the year."""
    folder = tmp_path_factory.mktemp("place")
    table = pq.read_table(make_dataset("flights", folder / "all").path)
    (folder / "data").mkdir()
    data = folder / "data" / "flights.parquet"
    pq.write_table(table.take(np.linspace(0, table.num_rows - 1, ROWS).astype(int)), data)
    models = folder / "models"
    models.mkdir()
    models.chmod(0o777)  # Containers have a user of their own.
    return Place(data, models)


@pytest.fixture(scope="session")
def compile_flights(tmp_path_factory, place, pinned):
    """Compiles the pipeline by the command, as it is or with other values of task.yaml; returns the file."""
    folder = tmp_path_factory.mktemp("compiled")
    data = {"claim": "data", "path": str(place.data.parent)}
    models = {"claim": "models", "path": place.mounted}
    both = {"volumes": [data, models]}
    profile = folder / "profile.yaml"
    profile.write_text(yaml.safe_dump({"all": {"volumes": [data]}, "stages": {"Baseline": both, "Pusher": both}}))

    def compiled(name, data=place.data, image=pinned, more=("--reuse-data",), **overrides):
        file = folder / f"{name}.yaml"
        values = {**SMALL, **{key.replace("__", "."): value for key, value in overrides.items()}}
        command = [MULTIHEAD, "compile", "flights", f"--image={image}", f"--output={file}", f"--data={data}"]
        command += [f"--serving={place.mounted}/flights/serving", f"--profile={profile}"]
        command += [f"--set={key}={value}" for key, value in values.items()]
        command += more
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return file

    return compiled


@pytest.fixture(scope="session")
def cluster(tmp_path_factory, place, say, pytestconfig):
    folder = tmp_path_factory.mktemp("cluster")
    made = Cluster(folder / "store", {"data": place.data.parent, "models": place.models}, say)
    made.runs = pytestconfig.stash[_TABLE]
    return made


@pytest.fixture(scope="session")
def flights(compile_flights):
    return compile_flights("flights")


@pytest.fixture(scope="session")
def first(cluster, flights) -> Run:
    """The whole pipeline on an empty cluster."""
    return cluster.run(flights, "first run")
