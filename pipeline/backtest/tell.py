"""A replay on the terminal: a line per step, and what came out of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.backtest import document
from pipeline.backtest.document import ONCE, SERVED
from pipeline.backtest.entries import FAILED, VERDICTS, Entry
from pipeline.progress import Progress
from pipeline.report.gates import number

# Characters of a reason on the line of its step; backtest.json has all of it.
_LONGEST = 100


def line(entry: Entry, shown: Mapping[str, str], remaining: float | None) -> str:
    """Returns what became of a step, in one line.

    Args:
        entry: Of the step.
        shown: Metric by head.
        remaining: Seconds until the last step is done; None if nobody knows.
    """
    parts = [entry["state"]]
    if entry["state"] in VERDICTS:
        heads = entry["heads"]
        measured = ((head, metric, heads[head]["test"].get(metric)) for head, metric in shown.items())
        after = {head: document.after(entry, SERVED, head, metric) for head, metric in shown.items()}
        parts.append(
            ", ".join(
                f"{head} {metric} {number(value)}" + (f" then {number(after[head])}" if after[head] is not None else "")
                for head, metric, value in measured
            )
        )
    elif entry["reasons"]:
        reason = entry["reasons"][0]
        parts.append(reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}...")
    if entry["seconds"] is not None:
        parts.append(f"{entry['seconds']:.0f} s")
    if remaining:
        parts.append(f"about {max(remaining / 60, 1):.0f} min left")
    return "; ".join(parts)


def end(made: Mapping[str, Any], output: Path, progress: Progress) -> None:
    """Prints what came out of a replay, and where to read on."""
    for sentence in sentences(made):
        progress.say(sentence)
    if any(entry["state"] == FAILED for entry in made["steps"]):
        progress.say(
            "a run that failed is made again by the same command only if no later one came to a verdict", "red"
        )
    progress.say(f"backtest: {output / document.FILE}")
    progress.say(f"page: {output / document.PAGE_FILE}")


def sentences(made: Mapping[str, Any]) -> list[str]:
    """Returns what a replay says, the number of runs first, then a sentence per head."""
    states = [entry["state"] for entry in made["steps"]]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    told = [f"{len(states)} of {len(made['planned'])} steps done: {counted or 'nothing yet'}"]
    for head, metric in made["main_metrics"].items():
        found = made["summary"][head][metric]
        if found["steps"]:
            told.append(
                f"{head}: mean {metric} on the days after {number(found[SERVED])} with every run, "
                f"{number(found[ONCE])} if trained once; better at {found['better']} and worse at {found['worse']} "
                f"of {found['steps']} steps since the second model"
            )
    return told
