"""What a task is: features, one trunk, several heads, how to train them and when a model is good enough.

Every key of task.yaml is a field here. Models are frozen and refuse unknown keys; what needs more than one field, or
schema.pbtxt, is checked in `schema.contract`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from schema import data, drift, gate_checks, names, training_checks
from schema.data import Data
from schema.document import Document, read_document
from schema.drift import Mode as DriftMode
from schema.features import Feature
from schema.gates import JOINT, Gates
from schema.heads import Head
from schema.part import Name, Part
from schema.problems import Problem, TaskError
from schema.push import Push
from schema.training import MAX_PCGRAD_HEADS, Training
from schema.trunks import SharedTrunk, Trunk
from schema.validation import problems_of

TaskName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]


class TaskSpec(Part):
    """One task.yaml."""

    task: TaskName
    """Name of the task: folders of data and runs are called after it."""
    data: Data = Data()
    """Files of rows, and splits."""
    drift: DriftMode = "warn"
    """What a run does if the newest span is unlike those before it: `stop` before it trains, `warn` on the terminal and
    in the report, or, `off`, not look. Without `data.spans` there is nothing to compare."""
    features: Annotated[dict[Name, Feature], Field(min_length=1)]
    """What a row is made of, by column."""
    trunk: Trunk = SharedTrunk()
    """What lies between the encoded features and the heads."""
    heads: Annotated[dict[Name, Head], Field(min_length=1)]
    """What is classified, by label column."""
    training: Training = Training()
    """Epochs, steps and the balance between heads."""
    slices: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] = ()
    """Columns, or combinations, to measure every head by."""
    gates: dict[str, Gates]
    """By head: a list of gates, or `none`; under `joint` those over all heads together, if there are any."""
    push: Push = Push()
    """Which versions the serving folder holds."""

    def to_json(self) -> str:
        """Returns a JSON form that `from_json` reads; equal tasks give equal text."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> TaskSpec:
        """Reads what `to_json` wrote."""
        return cls.model_validate_json(text)


def load_task(file: Path, overrides: Iterable[str] = ()) -> TaskSpec:
    """Reads task.yaml alone, without the checks that need schema.pbtxt (`schema.contract.load_contract` has both).

    Raises:
        TaskError: With every problem found.
    """
    document = read_document(file, overrides)
    spec, problems = parse_task(document)
    if spec is None or problems:
        raise TaskError(problems)
    return spec


def parse_task(document: Document) -> tuple[TaskSpec | None, list[Problem]]:
    """Returns the task, if its parts are well formed, and every problem found in them and between them."""
    problems = [*document.problems, *_cross_checks(document)]
    try:
        # In JSON mode `strict` takes lists for tuples, and still refuses "3" for 3.
        spec = TaskSpec.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        return None, [*problems_of(error, TaskSpec, document), *problems]
    return spec, problems


def _cross_checks(document: Document) -> Iterable[Problem]:
    """Yields what is wrong between the keys of task.yaml; works on plain data, so that one error hides no other."""
    features, heads, gates = (document.section(key) for key in ("features", "heads", "gates"))
    for name in heads:
        if name in features:
            yield document.problem(("features", name), "is a head: a label cannot be a feature")
        if name not in gates:
            yield document.problem(
                ("gates", name), f"missing: head '{name}' needs a list of gates, or `{name}: none` to go without"
            )
    for name in gates:
        if name not in heads and name != JOINT:
            yield document.problem(("gates", name), f"'{name}' is not a head", [*heads, JOINT], name)
    if JOINT in heads:
        message = f"`gates.{JOINT}` holds the gates over all heads together: call the head otherwise"
        yield document.problem(("heads", JOINT), message)
    yield from data.checks(document)
    yield from drift.checks(document)
    yield from gate_checks.checks(document)
    yield from training_checks.checks(document)
    dependencies = {name: _dependencies(document.section("heads", name).get("depends_on")) for name in heads}
    for name, others in dependencies.items():
        for i, other in enumerate(others):
            if other in others[:i]:
                path = ("heads", name, "depends_on", i)
                yield document.problem(path, f"'{other}' stands twice")
            if isinstance(other, str) and other not in heads:
                path = ("heads", name, "depends_on", i)
                yield document.problem(path, f"'{other}' is not a head", [h for h in heads if h != name], other)
    if cycle := _cycle(dependencies):
        yield document.problem(("heads", cycle[0], "depends_on"), f"heads wait for each other: {' -> '.join(cycle)}")
    if document.section("training", "balancing").get("type") == "pcgrad" and len(heads) > MAX_PCGRAD_HEADS:
        message = f"pcgrad keeps a gradient of the trunk per head: {len(heads)} heads, at most {MAX_PCGRAD_HEADS}"
        yield document.problem(("training", "balancing", "type"), message)
    yield from _input_checks(document)
    raw = {*features, *heads}
    for derived, origin in names.derived(features, heads):
        if derived in raw:
            section = "features" if derived in features else "heads"
            yield document.problem((section, derived), f"is the name that '{origin}' gets after Transform: rename it")


def _input_checks(document: Document) -> Iterable[Problem]:
    """Yields features that TensorFlow cannot tell apart, or from its own, as inputs of a served model."""
    known: dict[str, str] = {}
    for name in document.section("features"):
        other = known.setdefault(str(name).lower(), name)
        if other != name:
            message = f"differs from '{other}' in case only, which names of a served model's inputs must not: rename it"
            yield document.problem(("features", name), message)
        if name == "self":
            yield document.problem(("features", name), "'self' cannot be an input of a served model: rename it")


def _dependencies(value: Any) -> list[Any]:
    """Returns the heads that a `depends_on` names, as far as it is well formed."""
    entries = value if isinstance(value, list) else []
    return [entry.get("head") if isinstance(entry, dict) else entry for entry in entries]


def _cycle(edges: dict[str, list[Any]]) -> list[str]:
    """Returns the first cycle as a path that ends where it began, or nothing."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        done.add(node)
        known = [other for other in edges.get(node, []) if isinstance(other, str)]
        return next((found for other in known if (found := visit(other, [*path, node]))), [])

    return next((found for node in edges if (found := visit(node, []))), [])
