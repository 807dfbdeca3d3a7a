"""Which spans a run reads, decided once and before anything heavy starts, and which runs a command is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from components.example_gen import spans
from components.example_gen.places import Place
from components.example_gen.spans import Span
from pipeline import verdicts
from pipeline.config import RunConfig
from pipeline.identity import run_key
from schema.contract import Contract, load_contract
from schema.data import Data, SpanSplit
from schema.errors import DataError, UserError

BY_SPAN = "data.split={by: span}"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a command asks for.

    Attributes:
        span: The newest span, as a label or number; the latest that is there if None.
        window: How many spans; one if None.
        first: The first span to fill in; None if one run is meant.
        last: The last span to fill in; the latest that is there if None.
        if_new: Whether to do nothing if there is a verdict already.
        anew: The option that asks for another verdict whatever there is, if one does.
    """

    span: str | None = None
    window: int | None = None
    first: str | None = None
    last: str | None = None
    if_new: bool = False
    anew: str | None = None


def load_by_span(folder: Path, overrides: Sequence[str]) -> Contract:
    """Returns a task that is split by span: its own such rule, or the default one.

    Raises:
        TaskError: Something in the task is wrong.
    """
    contract = load_contract(folder, overrides)
    is_by_span = isinstance(contract.task.data.split, SpanSplit)
    return contract if is_by_span else load_contract(folder, [*overrides, BY_SPAN])


def choose(contract: Contract, config: RunConfig, span: str | None = None, window: int | None = None) -> RunConfig:
    """Returns the run with the spans that it reads; as it is if the data has none.

    Args:
        contract: The task.
        config: The run.
        span: The newest span, as a label or number; the latest that is there if None.
        window: How many spans; one if None.

    Raises:
        UserError: No such span can be, or no span of the window is left to train on.
        DataError: The newest span is not there, or empty.
    """
    pattern = contract.task.data.spans
    if pattern is None:
        return config
    known = find(contract, config.data)
    number = None if span is None else spans.parse_span(span, pattern)
    run = _choose(contract, config, known, number, window)
    if problem := _no_rows(contract, run, known):
        raise DataError(problem)
    return run


def _choose(
    contract: Contract, config: RunConfig, known: Sequence[Span], number: int | None, window: int | None
) -> RunConfig:
    try:
        chosen = spans.resolve(known, number, window)
    except DataError as error:
        raise DataError(f"{config.data}: {error}") from None
    _check_older(chosen, window or 1, contract.task.data)
    return dataclasses.replace(config, spans=chosen, missing=spans.missing(known, chosen, window))


def everything(contract: Contract, config: RunConfig) -> RunConfig:
    """Returns the run with all spans that there are; as it is if the data has none."""
    if contract.task.data.spans is None:
        return config
    return dataclasses.replace(config, spans=find(contract, config.data))


def find(contract: Contract, folder: Place) -> tuple[Span, ...]:
    """Returns all complete spans of a task's data.

    Raises:
        DataError: There is none.
    """
    data = contract.task.data
    if data.spans is None:
        raise UserError(f"task {contract.task.task}: its data has no spans; {_MEND}")
    return spans.find_spans(folder, data.spans, data.format, data.marker)


def _no_rows(contract: Contract, run: RunConfig, known: Sequence[Span]) -> str | None:
    """Returns a sentence if the newest span of a run has no rows; others may be empty."""
    newest = run.spans[-1]
    filled = spans.newest_with_rows([span for span in known if span.number <= newest.number], contract.task.data.format)
    if filled is newest:
        return None
    before = f"the newest span before it that has rows is {filled.label}" if filled else "nor has any span before it"
    return f"{newest.folder}: span {newest.label} has no rows; {before}"


def _check_older(chosen: Sequence[Span], window: int, data: Data) -> None:
    if not isinstance(data.split, SpanSplit) or len(chosen) > data.split.newest:
        return
    newest = data.split.newest
    raise UserError(
        f"split by span: the newest {newest} of a window are for eval and test, and older ones for train, "
        f"but a window of {window} up to {chosen[-1].label} has {len(chosen)} span{'s' if len(chosen) > 1 else ''}; "
        f"give --window of {newest + 1} or more, or a later --span"
    )


_MEND = "say where they are by data.spans, such as --set 'data.spans=\"date={YYYY}-{MM}-{DD}\"'"


def check(contract: Contract, wanted: Wanted) -> None:
    """Refuses options that contradict each other or that need spans where the data has none.

    Raises:
        UserError: With the option.
    """
    options = {
        "--span": wanted.span,
        "--window": wanted.window,
        "--from": wanted.first,
        "--to": wanted.last,
        "--if-new": wanted.if_new or None,
    }
    given = [name for name, value in options.items() if value is not None]
    if given and contract.task.data.spans is None:
        raise UserError(f"{given[0]}: the data of task {contract.task.task} has no spans; {_MEND}")
    if wanted.if_new and wanted.anew:
        raise UserError(f"{wanted.anew}: asks for a new verdict, and --if-new for none if there is one; leave one out")
    if wanted.last is not None and wanted.first is None:
        raise UserError("--to: ends what --from begins; give both, or --span for one run")
    if wanted.first is not None and wanted.span is not None:
        raise UserError("--span: with --from, each span from there on is the newest of a run of its own; leave one out")


def candidates(contract: Contract, config: RunConfig, wanted: Wanted) -> tuple[list[RunConfig], list[str]]:
    """Returns the runs that a command asks for, in order, and sentences about spans that cannot have one.

    Args:
        contract: The task.
        config: The run, without spans.
        wanted: Options.

    Raises:
        UserError: The options contradict each other, or a span cannot be.
        DataError: There is no such span, or the only one is empty.
    """
    check(contract, wanted)
    if wanted.first is None:
        return [choose(contract, config, wanted.span, wanted.window)], []
    known = find(contract, config.data)
    runs = [_choose(contract, config, known, number, wanted.window) for number in _range(contract, known, wanted)]
    empty = {run.spans[-1].label: problem for run in runs if (problem := _no_rows(contract, run, known))}
    return [run for run in runs if run.spans[-1].label not in empty], list(empty.values())


def pending(contract: Contract, runs: Sequence[RunConfig]) -> tuple[list[RunConfig], list[str]]:
    """Returns the runs that have not come to a verdict yet, and sentences about those that have.

    To be called while the run's folder is held: another run may be about to come to the same verdict.
    """
    todo, done = [], []
    for run in runs:
        report = verdicts.find_verdict(run.output, run_key(contract, run))
        if report is None:
            todo.append(run)
        else:
            verdict = "blessed" if report["blessed"] else "not blessed"
            done.append(f"span {run.spans[-1].label}: judged already by run {report['run_id']}, {verdict}")
    return todo, done


def _range(contract: Contract, known: Sequence[Span], wanted: Wanted) -> list[int]:
    pattern = str(contract.task.data.spans)
    first = spans.parse_span(str(wanted.first), pattern)
    last = known[-1].number if wanted.last is None else spans.parse_span(wanted.last, pattern)
    numbers = [span.number for span in known if first <= span.number <= last]
    if not numbers:
        there = f"{known[0].label} to {known[-1].label}"
        raise DataError(f"no span from {wanted.first} to {wanted.last or 'the latest'} is there; there are {there}")
    return numbers
