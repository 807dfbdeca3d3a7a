"""A cluster: runs compiled pipelines, and remembers what they made."""

import concurrent.futures
import dataclasses
import itertools
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from double import driver, launcher
from double.errors import LauncherFailed, Refused
from double.metadata import Artifact, Metadata
from double.pipeline import Pipeline
from double.store import DEFAULT_ROOT, Store

# Steps at once: the machines of this test have two cores.
_WORKERS = 2


@dataclasses.dataclass
class Step:
    """What came of a step.

    Attributes:
        state: `done`, `cached` or `failed`.
        seconds: In its container.
        exit_code: Of its command; None if it had no container.
        log: What it printed.
        error: Why the driver or the launcher gave up; an empty string if they did not.
    """

    state: str
    seconds: float = 0.0
    exit_code: int | None = None
    log: str = ""
    error: str = ""


@dataclasses.dataclass
class Run:
    """A run of a pipeline.

    Attributes:
        id: Of the run.
        outputs: Artifacts by step and key.
        steps: What came of each step, by name, in the order of their ends.
        seconds: From the first step to the last.
    """

    id: str
    outputs: dict[str, dict[str, Artifact]] = dataclasses.field(default_factory=dict)
    steps: dict[str, Step] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0

    @property
    def succeeded(self) -> bool:
        return all(step.state != "failed" for step in self.steps.values())

    def state(self, state: str) -> set[str]:
        """Returns the names of steps in a state."""
        return {name for name, step in self.steps.items() if step.state == state}


class Cluster:
    """A server with its store.

    Args:
        folder: Of the host, for the store; no container sees it.
        claims: Folder of the host behind each PersistentVolumeClaim.
        say: Called with a line for every step.
    """

    def __init__(self, folder: Path, claims: Mapping[str, Path], say: Callable[[str], None]):
        self.store = Store(folder)
        self.metadata = Metadata()
        self._claims = claims
        self.say = say
        self._numbers = itertools.count(1)
        self.runs: list[tuple[str, Run]] = []

    def run(
        self,
        file: Path,
        title: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        tasks: Collection[str] | None = None,
        after: Run | None = None,
        volumes: Collection[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Run:
        """Runs a pipeline until a step fails.

        Args:
            file: The compiled pipeline.
            title: For the lines and the table.
            parameters: Of the run.
            tasks: Only these steps; all if None.
            after: A run whose outputs these steps take.
            volumes: More volumes, as Docker takes them, for tests that spoil containers.
            env: More environment, likewise.

        Raises:
            Refused: The server takes no such run.
        """
        pipeline = Pipeline(file)
        run = Run(f"run-{next(self._numbers)}", dict(after.outputs) if after else {})
        values = pipeline.parameters(parameters or {}, run.id)
        self.runs.append((title, run))
        spoilt = Spoilt(tuple(volumes), dict(env or {}))
        started = time.monotonic()
        execution = _Execution(self, pipeline, run, values, spoilt)
        execution.run(set(pipeline.tasks if tasks is None else tasks))
        run.seconds = time.monotonic() - started
        return run

    def volumes(self, pipeline: Pipeline, task: str) -> list[str]:
        """Returns the volumes of a task as Docker takes them.

        Raises:
            Refused: There is no such claim: its pod would wait for ever.
        """
        found = []
        for mount in pipeline.mounts(task):
            if mount["claim"] not in self._claims:
                raise Refused(f"{task}: persistentvolumeclaim {mount['claim']!r} not found")
            found.append(f"{self._claims[mount['claim']] / mount.get('subPath', '')}:{mount['mountPath']}")
        return found


@dataclasses.dataclass(frozen=True)
class Spoilt:
    """What containers get that KFP would not give them; then nothing is taken from the cache, nor put into it."""

    volumes: tuple[str, ...]
    env: dict[str, str]


class _Execution:
    """A run as it goes on."""

    def __init__(
        self,
        cluster: Cluster,
        pipeline: Pipeline,
        run: Run,
        values: Mapping[str, Any],
        spoilt: Spoilt,
    ):
        self._cluster, self._pipeline, self._run, self._values = cluster, pipeline, run, values
        self._spoilt = spoilt
        self._root = f"{pipeline.spec.get('defaultPipelineRoot') or DEFAULT_ROOT}/{pipeline.name}/{run.id}"
        self._pool = concurrent.futures.ThreadPoolExecutor(_WORKERS)
        self._running: dict[concurrent.futures.Future, tuple[str, dict, str]] = {}

    def run(self, waiting: set[str]) -> None:
        """Starts each step when those that it waits for have ended; none after one that failed."""
        while waiting or self._running:
            for task in sorted(waiting):
                unfinished = waiting.union(name for name, _, _ in self._running.values())
                if not unfinished & set(self._pipeline.tasks[task].get("dependentTasks", ())):
                    waiting.discard(task)
                    self._start(task)
            for future in self._ended():
                self._end(future, *self._running.pop(future))
            if not self._run.succeeded:
                waiting.clear()
        self._pool.shutdown()

    def _ended(self) -> set[concurrent.futures.Future]:
        if not self._running:
            return set()
        return concurrent.futures.wait(self._running, return_when="FIRST_COMPLETED").done

    def _start(self, task: str) -> None:
        try:
            call = driver.hand_over(self._pipeline, task, self._values, self._run.outputs, self._root, self._run.id)
            key = driver.fingerprint(self._pipeline, task, call) if not self._spoilt.volumes else ""
            volumes = [*self._cluster.volumes(self._pipeline, task), *self._spoilt.volumes]
        except Refused as error:
            return self._note(task, Step("failed", error=str(error)))
        if key and (found := self._cluster.metadata.cached(self._pipeline.name, key)):
            self._run.outputs[task] = found
            return self._note(task, Step("cached"))
        future = self._pool.submit(
            launcher.launch, self._pipeline.container(task), call, self._cluster.store, volumes, self._spoilt.env
        )
        self._running[future] = (task, call, key)

    def _end(self, future: concurrent.futures.Future, task: str, call: dict, key: str) -> None:
        try:
            done = future.result()
        except (LauncherFailed, Refused) as error:
            return self._note(task, Step("failed", error=str(error)))
        step = Step("failed" if done.exit_code else "done", done.seconds, done.exit_code, done.log)
        try:
            outputs = launcher.publish(done, call, self._root, self._cluster.store, self._cluster.metadata)
        except LauncherFailed as error:
            return self._note(task, dataclasses.replace(step, state="failed", error=str(error)))
        self._run.outputs[task] = outputs
        if key and step.state == "done":
            self._cluster.metadata.remember(self._pipeline.name, key, outputs)
        self._note(task, step)

    def _note(self, task: str, step: Step) -> None:
        self._run.steps[task] = step
        why = step.error or (step.log.strip().splitlines() or [""])[-1] if step.state == "failed" else ""
        self._cluster.say(f"{step.state:<7} {task:<17} {step.seconds:5.1f} s  {why[:150]}".rstrip())
