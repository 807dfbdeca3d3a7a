"""No leak from the future: a run that replays a day uses no row of a later one.

Before all runs: the window that each is given, and whether rows in the folder of one day say that they are of a later
one (see `dates`). After each run: what ExampleGen has written (see `written`).

What cannot be seen: a column that was filled in afterwards, and a delivery of a span that came later than its day.
"""

from __future__ import annotations

from collections.abc import Iterable

from components.example_gen import spans
from components.example_gen.spans import Span
from pipeline.backtest import dates
from pipeline.backtest.plan import Plan, Step
from schema.errors import LeakFound


def check_plan(plan: Plan, file_format: str) -> list[str]:
    """Refuses a plan in which a run would use rows of a later day; returns the columns that date rows.

    Args:
        plan: All runs.
        file_format: Of the data's files.

    Raises:
        LeakFound: With step, folder and column.
    """
    runs = [(step, step.run) for step in plan.steps if step.run]
    for step, run in runs:
        check_window(step, run.spans, plan.window)
    if not plan.is_dated:
        return []
    everything = {span.label: span for _, run in runs for span in run.spans}
    dating, latest = dates.latest_rows(list(everything.values()), file_format)
    for step, run in runs:
        for span in run.spans:
            row = latest.get(span.label)
            if row and row.number > step.due:
                raise LeakFound(
                    f"{span.folder}: by column '{row.column}' it has rows of {spans.label(row.number, dated=True)}, "
                    f"and the run of {step.label} would learn from them: a leak from the future; "
                    "move them to the folder of their day"
                )
    return dating


def check_window(step: Step, window: Iterable[Span], length: int) -> None:
    """Refuses a window that reaches past its step, or further back than it may.

    Raises:
        LeakFound: With the span.
    """
    for span in window:
        if span.number > step.due:
            raise LeakFound(f"the run of {step.label} would read span {span.label}, a leak from the future")
        if span.number <= step.due - length and not step.note:
            raise LeakFound(f"the run of {step.label} would read span {span.label}, which its window has left")
