"""Which runs a schedule would have made over past data, known before anything is computed. Loads without TFX."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from components.example_gen import spans
from components.example_gen.spans import Span
from pipeline import windows
from pipeline.config import RunConfig
from pipeline.identity import run_key
from schema.contract import Contract
from schema.errors import DataError, UserError

_DAYS = re.compile(r"([0-9]+)(d?)", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Step:
    """One run of the schedule.

    Attributes:
        due: Number of the span by which it is due: nothing later exists yet.
        label: Of that span.
        run: What is run; None if there is nothing to run.
        key: What the run is of, as report.json has it; empty without a run.
        note: Why there is nothing to run, or why the run reads an older span; else empty.
        is_failure: Whether the schedule would have called it a failure that there is nothing to run.
        after: Spans that come until the next step, and that what is served then has to answer.
    """

    due: int
    label: str
    run: RunConfig | None
    key: str
    note: str
    is_failure: bool
    after: tuple[Span, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """All runs of the schedule.

    Attributes:
        first: Label of the first step's span.
        last: Label of the span that no step is due after.
        every: Spans from one step to the next.
        window: Spans that a run reads.
        is_dated: Whether spans are days.
        steps: In order.
        remarks: Sentences for whoever asked.
    """

    first: str
    last: str
    every: int
    window: int
    is_dated: bool
    steps: tuple[Step, ...]
    remarks: tuple[str, ...]


def parse_length(option: str, text: str, is_dated: bool) -> int:
    """Returns a number of spans, such as 7, or 7d where spans are days.

    Args:
        option: Name of the option, for errors.
        text: What was given.
        is_dated: Whether spans are days.

    Raises:
        UserError: It is no such number.
    """
    found = _DAYS.fullmatch(text.strip())
    if not found or int(found[1]) < 1 or (found[2] and not is_dated):
        allowed = "a number of days such as 7 or 7d" if is_dated else "a number of spans such as 7"
        raise UserError(f"{option} {text}: allowed: {allowed}, 1 or more")
    return int(found[1])


def due_numbers(first: int, last: int, every: int) -> range:
    """Returns the numbers of the spans by which steps are due: `first`, and every so many later, up to `last`."""
    return range(first, last + 1, every)


def make_plan(contract: Contract, config: RunConfig, first: str, last: str, every: str, window: str) -> Plan:
    """Returns the runs of a schedule.

    Args:
        contract: The task.
        config: Where to read and write.
        first: Span of the first step.
        last: Span that no step is due after.
        every: Spans from one step to the next.
        window: Spans that a run reads.

    Raises:
        UserError: An option is mistyped, the data has no spans, or the first step has too few of them.
        DataError: The first or last span is not there, or the first is empty.
    """
    known = windows.find(contract, config.data)
    pattern = str(contract.task.data.spans)
    is_dated = spans.is_dated(pattern)
    step, length = parse_length("--every", every, is_dated), parse_length("--window", window, is_dated)
    begin, end = (spans.parse_span(text, pattern) for text in (first, last))
    begin_label, end_label = (spans.label(number, is_dated) for number in (begin, end))
    if begin > end:
        raise UserError(f"--from {begin_label} is after --to {end_label}; give them the other way round")
    there = f"{config.data}: there are spans from {known[0].label} to {known[-1].label}"
    for option, number, label in (("--from", begin, begin_label), ("--to", end, end_label)):
        if not known[0].number <= number <= known[-1].number:
            raise DataError(f"{option} {label}: no such span; {there}")
    windows.choose(contract, config, str(begin), length)  # The first must be possible: or else it says why not.
    steps: list[Step] = []
    for due in due_numbers(begin, end, step):
        steps.append(_step(contract, config, known, due, step, length, is_dated, steps))
    return Plan(
        begin_label, end_label, step, length, is_dated, tuple(steps), tuple(_remarks(steps, known[0], begin, length))
    )


def _step(
    contract: Contract,
    config: RunConfig,
    known: Sequence[Span],
    due: int,
    every: int,
    window: int,
    is_dated: bool,
    before: Sequence[Step],
) -> Step:
    label = spans.label(due, is_dated)
    after = tuple(span for span in known if due < span.number <= due + every)
    newest = [span for span in known if span.number <= due][-1]
    if before and before[-1].due >= newest.number:
        note = f"no span has come since {before[-1].label}: there was nothing to run"
        return Step(due, label, None, "", note, False, after)
    try:
        run = windows.choose(contract, config, str(newest.number), window)
    except UserError as error:
        return Step(due, label, None, "", str(error), True, after)
    late = "" if newest.number == due else f"span {label} is not there: the latest then was {newest.label}"
    return Step(due, label, run, run_key(contract, run), late, False, after)


def _remarks(steps: Sequence[Step], oldest: Span, first: int, window: int) -> list[str]:
    """Returns what is unlike what was asked for."""
    remarks = []
    if short := [step for step in steps if step.due - window + 1 < oldest.number]:
        held = first - oldest.number + 1
        which = "the first window holds" if len(short) == 1 else f"the first {len(short)} windows hold less, the first"
        remarks.append(f"the data begins with {oldest.label}: {which} {held} of {window} spans")
    return remarks + [f"{step.label}: {step.note}" for step in steps if step.note]
