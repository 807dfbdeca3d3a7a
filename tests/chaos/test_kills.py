"""A run that is killed at random moments, time and again, ends as one that nobody disturbed.

The real command on three real days. Every kill is SIGKILL to the command and all that it started. Each attempt goes on
in the folder that the one before has left.
"""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline import holder, session, status
from pipeline.config import RunConfig
from pipeline.datasets import make_dataset
from pipeline.metadata_copies import find_damage
from schema.names import MISSING_INT

pytestmark = pytest.mark.timeout(7200)

MULTIHEAD = Path(sys.executable).with_name("multihead")
DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")
OPTIONS = [
    "--set=data.spans=date={YYYY}-{MM}-{DD}",
    "--set=training.epochs=6",
    "--set=training.batch_size=128",
    # A sample this small is no ground for the real gates.
    "--set=gates.cancelled=[{metric: accuracy, min: 0.5}]",
    "--set=gates.dep_delay=[{metric: accuracy, min: 0.3}]",
    "--set=gates.arr_delay=none",
    "--window=3",
    "--split-by=span",
]
STEP = re.compile(r"(?:done|cached) +(\w+)")
LAST = "writing the report"
NEVER_CACHED = {"starting", "DataGate", "Pusher"}
# After a push it says for another reason that there is no baseline: a model is not compared with itself.
ONCE_MORE = "Report"
MISSING = {"INT": MISSING_INT, "FLOAT": np.nan, "BYTES": ""}
# Draws for one kill, before which the run may have ended.
TRIES = 10


@dataclasses.dataclass(frozen=True)
class Attempt:
    """A run of the command.

    Attributes:
        code: Its exit code, or minus the signal that ended it.
        said: What it printed.
        steps: What it has finished, in order.
        seconds: How long each step took, and what came after the last one.
    """

    code: int
    said: str
    steps: list[str]
    seconds: list[float]


@dataclasses.dataclass(frozen=True)
class Kill:
    """When to kill: so many seconds after a step has begun."""

    step: str
    after: float


def command(data, output):
    return [str(MULTIHEAD), "run", "flights", "--data", str(data), "--output", str(output), *OPTIONS]


def start(data, output):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command(data, output), start_new_session=True, **pipes)


def attempt(data, output, order=(), kill=None):
    """Runs the command to its end, or to a kill.

    Args:
        data: Days.
        output: The run's folder.
        order: Names of all steps.
        kill: When to kill it; None lets it run.
    """
    lines, steps, times = [], [], [time.monotonic()]
    with start(data, output) as process:
        # A process that has ended keeps its number until it is waited for: no stranger is killed.
        timer = threading.Timer(kill.after if kill else 0, os.killpg, (process.pid, signal.SIGKILL))
        if kill and kill.step == order[0]:
            timer.start()
        for line in process.stdout:
            lines.append(line)
            if found := STEP.match(line):
                times.append(time.monotonic())
                steps.append(found[1])
                if kill and order[len(steps)] == kill.step:
                    timer.start()
        timer.cancel()
        if timer.ident:
            timer.join()
    times.append(time.monotonic())
    return Attempt(process.returncode, "".join(lines), steps, list(np.diff(times)))


def draw(seconds, number, moments):
    """Returns when to kill: once in every step, if there are so many kills, and else at any moment of the whole run.

    In the order of the steps, as each attempt leaves out what earlier ones have finished; start-up is part of every
    attempt, and is hit whenever it happens.

    Args:
        seconds: Of the undisturbed run, by step.
        number: Of kills.
        moments: Source of randomness.
    """
    order = list(seconds)
    each = moments.sample(order, min(number, len(order)))
    anywhere = moments.choices(order, list(seconds.values()), k=number - len(each))
    kills = [Kill(step, moments.random() * seconds[step]) for step in [*each, *anywhere]]
    later = sorted((kill for kill in kills if kill.step != order[0]), key=lambda kill: order.index(kill.step))
    for kill in (kill for kill in kills if kill.step == order[0]):
        later.insert(moments.randint(0, len(later)), kill)
    return later


def newest_report(output):
    return json.loads(sorted(output.glob("reports/*/report.json"))[-1].read_text())


def rounded(value):
    """Returns a report with numbers of nine digits: the order in which Beam adds up statistics varies the last ones."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def comparable(report):
    """Returns a report without what two runs of the same may differ in: who they were, where, when and how fast."""
    report = rounded(report)
    for name in ("run_id", "started", "finished"):
        del report[name]
    del report["lineage"]["artifacts"], report["canary"]["latency"]
    for stage in report["stages"]:
        del stage["seconds"], stage["cached"]
    report["pushed"] = Path(report["pushed"]).name
    # That there is no baseline; the reason is another one after the push.
    report["comparison"] = report["comparison"].split(":")[0]
    return report


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    year = make_dataset("flights", tmp_path_factory.mktemp("year"), "day").path
    folder = tmp_path_factory.mktemp("days")
    for day in DAYS:
        shutil.copytree(year / f"date={day}", folder / f"date={day}")
    return folder


@pytest.fixture(scope="module")
def undisturbed(days, tmp_path_factory, say, moments):
    """The folder of a run that nobody killed, and the seconds of its steps."""
    output = tmp_path_factory.mktemp("undisturbed") / "flights"
    ran = attempt(days, output)
    assert ran.code == 0, ran.said
    say(f"undisturbed: {sum(ran.seconds):.0f} s")
    return output, dict(zip([*ran.steps, LAST], ran.seconds, strict=True))


@pytest.fixture(scope="module")
def killed(days, undisturbed, tmp_path_factory, say, moments, num_kills):
    """The folder of a run that was killed time and again, and then went on to its end."""
    output = tmp_path_factory.mktemp("killed") / "flights"
    _, seconds = undisturbed
    order = list(seconds)
    for number, kill in enumerate(draw(seconds, num_kills, moments), 1):
        for _ in range(TRIES):
            ran = attempt(days, output, order, kill)
            if ran.code == -signal.SIGKILL:
                break
            assert ran.code == 0, ran.said
            say(f"{number:>3}. ended before it was killed in {kill.step}; once more")
            kill = Kill(kill.step, moments.random() * kill.after)
        assert ran.code == -signal.SIGKILL
        say(f"{number:>3}. killed in {order[len(ran.steps)]}, {ran.seconds[-1]:.1f} s after it began")
    last = attempt(days, output)
    say(f"undisturbed again: {sum(last.seconds):.0f} s")
    assert last.code == 0, last.said
    return output


def test_the_report_is_that_of_an_undisturbed_run(undisturbed, killed):
    expected, found = (comparable(newest_report(output)) for output in (undisturbed[0], killed))
    assert expected == found


def test_one_version_is_served_and_answers_like_the_undisturbed_one(undisturbed, killed, days):
    from components.pusher.history import read_history
    from components.pusher.pointer import read_pointer
    from components.servable import Servable

    assert sorted(entry.name for entry in (killed / "serving").iterdir()) == ["1", "blessed.json", "history.json"]
    history = read_history(killed / "serving")
    assert (history.highest, [record.version for record in history.records]) == (1, [1])
    assert read_pointer(killed / "serving").version == 1
    table = pq.read_table(days / f"date={DAYS[-1]}")
    answers = []
    for output in (undisturbed[0], killed):
        servable = Servable.load(output / "serving" / "1")
        filled = {
            name: pc.fill_null(table[name], pa.scalar(MISSING[feature.dtype], table[name].type)).to_numpy()
            for name, feature in servable.exported.features.items()
        }
        answers.append(servable.predict(filled))
    for name, expected in answers[0].items():
        np.testing.assert_array_equal(expected, answers[1][name], err_msg=name)


def test_nothing_half_written_is_left(killed):
    drafts = [
        str(path.relative_to(killed))
        for part in (".", "serving", "serving/*", "reports", "reports/*", "metadata_copies", "artifacts/*", "logs")
        for path in [*killed.glob(f"{part}/.*"), *killed.glob(f"{part}/*.tmp"), *killed.glob(f"{part}/*.part")]
        if path.name not in (".lock", ".status.json.lock", ".system")
    ]
    assert drafts == []
    assert not list(killed.glob("artifacts/Trainer/checkpoints/*"))
    for folder in killed.glob("reports/*"):
        assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]
        json.loads((folder / "report.json").read_text())


def test_the_metadata_is_whole_and_names_every_stage_once(killed):
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2

    assert find_damage(killed / "metadata.db") is None
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(killed / "metadata.db")
    store = metadata_store.MetadataStore(config)
    types = {kind.id: kind.name.rsplit(".", 1)[-1] for kind in store.get_execution_types()}
    complete = Counter(
        types[execution.type_id]
        for execution in store.get_executions()
        if execution.last_known_state == metadata_store_pb2.Execution.COMPLETE
    )
    assert len(complete) == len(newest_report(killed)["stages"])
    assert {name: number for name, number in complete.items() if number > 1}.keys() <= NEVER_CACHED | {ONCE_MORE}


def test_it_is_over(killed):
    config = RunConfig(Path(), killed, "look")
    with session.hold(config):
        assert holder.who(killed).startswith("run look, ")
    assert status.read(killed)["state"] == "pushed"


def test_the_cache_knows_everything(killed, days):
    again = attempt(days, killed)
    assert again.code == 0, again.said
    cached = {line.split()[1] for line in again.said.splitlines() if line.startswith("cached")}
    assert set(again.steps) - cached - {ONCE_MORE} == NEVER_CACHED
    assert [entry.name for entry in (killed / "serving").iterdir() if entry.is_dir()] == ["1"]


def test_of_two_that_are_started_together_one_runs(killed, days):
    both = [start(days, killed) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 5], said
    holder_of_it = both[codes.index(0)].pid
    assert re.search(rf"held by run \S+, process {holder_of_it} on ", said[codes.index(5)])
