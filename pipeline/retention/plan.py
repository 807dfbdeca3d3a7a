"""Which artifacts may go: everything that no kept run, served model or cache needs.

Plain functions from facts to a plan. Places are relative to the folder of artifacts, as `Trainer/model/7`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

# Beside the folders of stages: what is kept of every span that was read.
STORES = frozenset({"spans", "counts"})
# Ending of what is kept of a span besides its rows, as in `components.example_gen.per_span`, which loads TFX.
_KEPT = ".kept"
SYSTEM = ".system"
CHECKPOINTS = "checkpoints"


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of stages in ML Metadata.

    Attributes:
        id: Its name.
        executions: Ids of its stages, taken from the cache or not.
        has_verdict: Whether it came to a verdict, blessed or not.
    """

    id: str
    executions: frozenset[int]
    has_verdict: bool


@dataclasses.dataclass(frozen=True)
class Execution:
    """A stage of a run.

    Attributes:
        inputs: Ids of the artifacts that it read.
        outputs: Ids of the artifacts that it made, or found in the cache.
        spans: Names under which the spans that it read are stored.
    """

    inputs: frozenset[int]
    outputs: frozenset[int]
    spans: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is there.

    Attributes:
        runs: Oldest first.
        executions: By id.
        artifacts: Places by id; absolute if they are not in the folder of artifacts.
        served: Places of the models that served versions are copies of.
        baseline_run: The run that pushed the last blessed model; None if there is none.
        places: What is on the disk.
    """

    runs: tuple[Run, ...]
    executions: Mapping[int, Execution]
    artifacts: Mapping[int, str]
    served: frozenset[str]
    baseline_run: str | None
    places: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Removal:
    """Something that nobody needs.

    Attributes:
        place: Where it is.
        why: Whose it was, as part of a sentence.
        artifacts: Their ids in ML Metadata.
    """

    place: str
    why: str
    artifacts: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Plan:
    """What stays and what goes.

    Attributes:
        kept: Why each run is kept, by its id.
        outside: Where the last verdict's artifacts are instead of in this folder, if it was moved or copied since.
        removals: Those of older runs first.
    """

    kept: Mapping[str, str]
    outside: tuple[str, ...]
    removals: tuple[Removal, ...]


def make_plan(facts: Facts, keep: int) -> Plan:
    """Decides what may go.

    Kept are the newest runs with a verdict, the newest run of all, and the run of the last blessed model, each with all
    that its stages read and made: doing it again takes everything from the cache. Of every other served model, the
    model and what judged it stay.

    Args:
        facts: What is there.
        keep: How many runs with a verdict are kept, one at least.
    """
    kept = _kept_runs(facts, keep)
    executions = frozenset(number for run in facts.runs if run.id in kept for number in run.executions)
    needed = frozenset(
        artifact
        for number in executions
        for artifact in facts.executions[number].inputs | facts.executions[number].outputs
    )
    needed |= _judged(facts)
    removals = sorted(_removals(facts, kept, executions, needed), key=lambda found: _order(facts, found))
    return Plan(kept, _outside(facts), tuple(removals))


def _kept_runs(facts: Facts, keep: int) -> dict[str, str]:
    judged = [run.id for run in facts.runs if run.has_verdict][-keep:]
    newest = {facts.runs[-1].id: "the newest of all"} if facts.runs else {}
    baseline = {facts.baseline_run: "made the last blessed model"} if facts.baseline_run else {}
    in_words = "the newest with a verdict" if keep == 1 else f"of the {keep} newest with a verdict"
    why = {**baseline, **newest, **dict.fromkeys(judged, in_words)}
    return {run.id: why[run.id] for run in facts.runs if run.id in why}


def _outside(facts: Facts) -> tuple[str, ...]:
    judged = [run for run in facts.runs if run.has_verdict]
    executions = [facts.executions[number] for run in judged[-1:] for number in run.executions]
    used = {facts.artifacts[artifact] for execution in executions for artifact in execution.inputs | execution.outputs}
    return tuple(sorted(place for place in used if place.startswith("/")))


def _judged(facts: Facts) -> frozenset[int]:
    """Returns the artifacts of served models, and of all that followed from them: how they were measured and judged."""
    found = {artifact for artifact, place in facts.artifacts.items() if place in facts.served}
    # Executions are numbered in the order in which they began: what follows from a model has a higher number.
    for _, execution in sorted(facts.executions.items()):
        if found & (execution.inputs | execution.outputs):
            found |= execution.outputs
    return frozenset(found)


def _removals(
    facts: Facts, kept: Collection[str], executions: Collection[int], needed: Collection[int]
) -> Iterator[Removal]:
    by_place: dict[str, list[int]] = {}
    for artifact, place in facts.artifacts.items():
        by_place.setdefault(place, []).append(artifact)
    spans = frozenset(span for number in executions for span in facts.executions[number].spans)
    run_of = {number: run for run in facts.runs for number in run.executions}
    may_resume = bool(facts.runs) and not facts.runs[-1].has_verdict
    for place in facts.places:
        parts = PurePosixPath(place).parts
        artifacts = tuple(by_place.get(place, ()))
        run = run_of.get(_execution(parts))
        if parts[0] in STORES:
            is_needed, why = _is_of(parts[-1], spans), "of spans that no kept run reads"
        elif parts[1] == CHECKPOINTS:
            is_needed, why = may_resume, "of trainings that no kept run goes on with"
        elif artifacts:
            is_needed, why = any(artifact in needed for artifact in artifacts), _made_by(run)
        else:
            is_needed, why = run is not None and run.id in kept, _made_by(run)
        if not is_needed and place not in facts.served:
            yield Removal(place, why, artifacts)


def _made_by(run: Run | None) -> str:
    if run is None:
        return "left over by something that was ended, and not in ML Metadata"
    return f"of run {run.id}" if run.has_verdict else f"of run {run.id}, which came to no verdict"


def _execution(parts: tuple[str, ...]) -> int:
    """Returns the execution that made something: TFX names folders after it. 0, which none has, if none did."""
    return int(parts[-1]) if parts[-1].isascii() and parts[-1].isdecimal() else 0


def _is_of(name: str, spans: Collection[str]) -> bool:
    """Returns whether something that is kept of a span is of one of these: its rows, or what was computed of them."""
    return name in spans or (name.endswith(_KEPT) and name.rpartition("-")[0] in spans)


def _order(facts: Facts, found: Removal) -> tuple[int, int, str]:
    """Returns where a removal stands in a list: stages by the time they began, then all else by place."""
    number = _execution(PurePosixPath(found.place).parts)
    return (0, number, found.place) if number in facts.executions else (1, 0, found.place)
