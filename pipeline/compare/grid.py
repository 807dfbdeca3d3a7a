"""The grid of `multihead compare`: every combination of the values given with --set, each a task of its own."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline import fingerprint
from schema.contract import Contract, load_contract
from schema.errors import UserError
from schema.problems import Problem, TaskError

_SEED = "training.seed"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One combination of values.

    Attributes:
        label: The values in which it differs from the others: `trunk.type=ple, training.epochs=3`.
        overrides: All values given for it, by key, as written.
        contract: The task that they make.
    """

    label: str
    overrides: Mapping[str, str]
    contract: Contract

    def with_seed(self, number: int) -> Contract:
        """Returns the task of one of its trainings: seeds count from `training.seed` on."""
        task = self.contract.task
        training = task.training.model_copy(update={"seed": task.training.seed + number})
        return dataclasses.replace(self.contract, task=task.model_copy(update={"training": training}))


def read_grid(folder: Path, options: Sequence[str], num_seeds: int) -> list[Cell]:
    """Returns all cells, every one of them checked.

    Args:
        folder: The task's folder.
        options: What was given with --set: `key=value,value`.
        num_seeds: What was given with --seeds.

    Raises:
        UserError: There is nothing to compare.
        TaskError: With every problem of the options, or else of all cells.
    """
    if not options:
        raise UserError(
            "nothing to compare: give the values of a key with --set, such as --set trunk.type=shared,independent"
        )
    if num_seeds < 1:
        raise UserError(f"--seeds {num_seeds}: every cell is trained once or more, give 1 or a larger number")
    values, problems = _read_options(options)
    if problems:
        raise TaskError(problems)
    is_single = all(len(given) == 1 for given in values.values())
    shown = [key for key, given in values.items() if len(given) > 1 or is_single]
    cells, found = [], dict[Problem, list[str]]()
    combinations = [dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values())]
    for overrides in combinations:
        label = ", ".join(f"{key}={overrides[key]}" for key in shown)
        try:
            contract = load_contract(folder, [f"{key}={value}" for key, value in overrides.items()])
            cells.append(Cell(label, overrides, contract))
        except TaskError as error:
            for problem in error.problems:
                found.setdefault(problem, []).append(label)
    problems = [_named(problem, labels, len(combinations)) for problem, labels in found.items()]
    problems += _checks(cells)
    if problems:
        raise TaskError(problems)
    return cells


def split_values(text: str) -> list[str]:
    """Returns what stands between the commas of a value, those inside brackets, braces or quotes left alone."""
    values, start, depth, quote, before = [], 0, 0, "", ","
    for i, character in enumerate(text):
        if quote:
            is_escaped = quote == '"' and text[i - 1] == "\\"
            quote = "" if character == quote and not is_escaped else quote
        elif character in "'\"" and before in ",[{:":
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth <= 0:
            values.append(text[start:i].strip())
            start = i + 1
        if not character.isspace():
            before = character
    return [*values, text[start:].strip()]


def _read_options(options: Sequence[str]) -> tuple[dict[str, list[str]], list[Problem]]:
    """Returns the values by key, and what is wrong with the options themselves."""
    values: dict[str, list[str]] = {}
    problems: list[Problem] = []
    for option in options:
        key, equals, text = option.partition("=")
        key, given = key.strip(), split_values(text)
        message = ""
        if not equals or not key:
            key, message = "", "must read key=value,value, such as trunk.type=shared,independent"
        elif "" in given:
            message = "a value is empty; write null where no value is meant"
        elif len(set(given)) < len(given):
            message = f"'{next(value for value in given if given.count(value) > 1)}' stands twice"
        elif key in values:
            message = "stands twice: give all values of a key in one --set"
        elif key == _SEED and len(given) > 1:
            message = "takes one value, the first seed: --seeds says how many trainings a cell gets"
        if message:
            problems.append(Problem(f"--set {option}", key, message))
        values[key] = given
    return values, problems


def _named(problem: Problem, labels: Sequence[str], num_cells: int) -> Problem:
    """Returns a problem with the cell that has it, unless they all do."""
    if len(labels) == num_cells:
        return problem
    more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
    return dataclasses.replace(problem, where=f"cell {labels[0]}{more}: {problem.where}")


def _checks(cells: Sequence[Cell]) -> Iterator[Problem]:
    """Yields cells that cannot be compared with the others, or need not."""
    trained: dict[tuple[str, str], str] = {}
    for cell in cells:
        first, task = cells[0].contract.task, cell.contract.task
        where = f"cell {cell.label}"
        for key in ("task", "data"):
            if getattr(task, key) != getattr(first, key):
                yield Problem(where, key, "must be the same in all cells: they are trained and judged on the same rows")
        model = fingerprint.for_transform(task).to_json(), fingerprint.for_trainer(task).to_json()
        if same := trained.get(model):
            yield Problem(where, "", f"trains the same model as cell {same}: these keys have no part in training")
        trained.setdefault(model, cell.label)
