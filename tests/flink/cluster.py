"""A Flink cluster in containers, of which parts can be lost, and commands in its network."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROFILE = ROOT / "deploy" / "flink" / "profile.yaml"
NAME = "multihead-flink"
# Those of Beam, in order; the task has no spans whose drift could be measured.
STAGES = ("ExampleGen", "StatisticsGen", "Transform", "Evaluator")
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # Without proxies.


@dataclasses.dataclass(frozen=True)
class Job:
    """What became of a job.

    Attributes:
        stage: Whose it is.
        state: Such as FINISHED.
        tasks: How many it has, over all vertices.
        seconds: From its start to its end.
        records: That tasks have read from each other, by TaskManager.
    """

    stage: str
    state: str
    tasks: int
    seconds: float
    records: Counter


class Cluster:
    """The cluster of deploy/flink/cluster.sh.

    Attributes:
        shared: Folder that all containers see.
        url: Of Flink.
        has_flink: Whether Flink answers.
        is_whole: Whether nothing has been taken from it for good, or set otherwise, since it came up.
    """

    def __init__(self, shared, say):
        self.shared, self.url, self.has_flink, self.is_whole = shared, "", False, False
        self._say = say

    def up(self, **settings):
        """Starts it, whatever is there; with settings of the script."""
        self._say("starting the cluster" + "".join(f" {name}={value}" for name, value in settings.items()))
        self.url = re.search(r"http://[\d.]+:\d+", self._script("up", **settings))[0]
        self.has_flink, self.is_whole = True, not settings

    def down(self):
        self.has_flink = self.is_whole = False
        self._script("down")

    def lose(self, number):
        """Kills a TaskManager and its workers, and starts others."""
        self._say(f"kill: TaskManager {number}")
        self._script("lose", str(number))

    def lose_worker(self, number):
        """Waits for a Beam worker beside a TaskManager, and kills it while it starts."""
        self._script("lose-worker", str(number))
        self._say(f"kill: Beam worker beside TaskManager {number}")

    def stop(self, part):
        """Stops a container of it for good."""
        self.is_whole = False
        self.has_flink = self.has_flink and part != "jobmanager"
        subprocess.run(["docker", "kill", f"{NAME}-{part}"], check=True, capture_output=True)

    def ask(self, path):
        with _open(self.url + path, timeout=60) as answer:
            return json.load(answer)

    def jobs(self):
        """Returns Flink's description of every job by its id."""
        return {job["jid"]: job for job in self.ask("/jobs/overview")["jobs"]}

    def result(self, job):
        """Returns what became of a job, by its description."""
        detail = self.ask(f"/jobs/{job['jid']}")
        records = Counter()
        for vertex in detail["vertices"]:
            for found in self.ask(f"/jobs/{job['jid']}/vertices/{vertex['id']}/taskmanagers")["taskmanagers"]:
                records[found["host"].partition(":")[0].removeprefix(f"{NAME}-")] += found["metrics"]["read-records"]
        tasks = sum(vertex["parallelism"] for vertex in detail["vertices"])
        return Job(stage_of(job), job["state"], tasks, job["duration"] / 1000, records)

    def command(self, *words):
        """Returns the command that runs another in the cluster's network."""
        return ["sh", str(ROOT / "deploy" / "flink" / "cluster.sh"), *words]

    @property
    def environment(self):
        return {**os.environ, "SHARED": str(self.shared)}

    def _script(self, *words, **settings):
        given = {**self.environment, **settings}
        done = subprocess.run(self.command(*words), env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout


def stage_of(job):
    """Returns the stage of a job, by its name: multihead-STAGE-xxxxxxxx."""
    return job["name"].split("-")[1]


class Run:
    """A run of the command in the cluster's network.

    Attributes:
        title: Names it.
        output: Its folder.
        code: Exit code; None until it has ended.
        said: What was printed.
        seconds: How long it took.
        jobs: Its jobs on Flink, when it has ended.
        report: What it wrote, if it came to an end of its own.
    """

    def __init__(self, cluster, title, output, words, say):
        self.title, self.output, self.code, self.said, self.jobs = title, output, None, "", []
        self.report = None
        self._cluster, self._say = cluster, say
        self._before = set(cluster.jobs()) if cluster.has_flink else set()
        self._started, self.seconds = time.monotonic(), 0.0
        self._file = cluster.shared / f"{output.name}-{time.time_ns()}.txt"
        say(title)
        with self._file.open("w") as out:
            command = cluster.command("run", *words)
            self.process = subprocess.Popen(command, env=cluster.environment, stdout=out, stderr=out)

    def wait_for(self, stage):
        """Waits until a task of the stage's newest job runs; returns Flink's description of the job."""
        while True:
            assert self.process.poll() is None, self._file.read_text()
            for job in self.new_jobs():
                if stage_of(job) == stage and job["state"] == "RUNNING" and job["tasks"]["running"]:
                    return job
            time.sleep(0.05)

    def new_jobs(self):
        """Returns Flink's descriptions of the jobs that were not there before it, in order."""
        new = [job for number, job in self._cluster.jobs().items() if number not in self._before]
        return sorted(new, key=lambda job: job["start-time"])

    def signal(self, number):
        self._say(f"signal: {signal.Signals(number).name}")
        self.process.send_signal(number)

    def finish(self):
        """Waits for its end; returns itself."""
        self.code = self.process.wait()
        self.seconds = time.monotonic() - self._started
        self.said = self._file.read_text()
        reports = sorted(self.output.glob("reports/*/report.json"))
        if self.code == 0 and reports:  # Another run in its folder will write others; stock TFX writes none.
            self.report = json.loads(reports[-1].read_text())
        if self._cluster.has_flink:
            self.jobs = [self._cluster.result(job) for job in self.new_jobs()]
        self._say(f"{self.title}: exit code {self.code} after {self.seconds:.0f} s")
        return self

    def stop(self):
        """Ends it, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def stages(self):
        """State by stage, from the lines of the terminal."""
        lines = [line.split() for line in self.said.splitlines()]
        return {line[1]: line[0] for line in lines if line and line[0] in ("done", "cached", "FAILED")}

    @property
    def sentence(self):
        """What was said of a failure: the line before that of the log."""
        lines = self.said.strip().splitlines()
        return lines[-2] if len(lines) > 1 and lines[-1].startswith("log: ") else self.said
