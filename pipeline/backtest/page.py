"""backtest.json as one HTML file, for people: in the style of a run's report, and as much alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.backtest import document, tell
from pipeline.backtest.document import ONCE, SERVED
from pipeline.backtest.entries import BLESSED, FAILED, REFUSED, VERDICTS, Entry
from pipeline.report import charts, page
from pipeline.report.gates import number
from pipeline.report.parts import SHOWN, Cell, Figure, Row, Table
from schema.gates import LOWER_IS_BETTER, METRICS

_TEMPLATE = "backtest.html.jinja"
# Drawn of every head, after its main metric; the tables have the same.
_DRAWN = ("log_loss", "ece")
_SHADES = {REFUSED: "bad2", FAILED: "bad3"}


@dataclasses.dataclass(frozen=True)
class HeadView:
    """A head over time.

    Attributes:
        name: Its name.
        anchor: Its id on the page.
        figures: A chart per metric that is drawn.
        summary: Every metric of what was served against training once.
    """

    name: str
    anchor: str
    figures: Sequence[Figure]
    summary: Table


@dataclasses.dataclass(frozen=True)
class Event:
    """What happened at a step, in sentences."""

    step: str
    sentences: Sequence[str]


def render(made: Mapping[str, Any]) -> str:
    """Returns the page: the same text for the same backtest.json."""
    steps: list[Entry] = made["steps"]
    headline, *by_head = tell.sentences(made)
    seconds = [entry["seconds"] or 0.0 for entry in steps]
    return (
        page.environment(Path(__file__).parent)
        .get_template(_TEMPLATE)
        .render(
            task=made["task"],
            plan=made["plan"],
            is_dated=made["is_dated"],
            is_finished=made["state"] == "finished",
            headline=headline,
            by_head=by_head,
            remarks=made["remarks"],
            shown=SHOWN,
            runs=_runs(made),
            total=_duration(sum(seconds)),
            times=_times(steps) if steps else None,
            heads=[_head(made, name, f"head-{i}") for i, name in enumerate(made["main_metrics"], 1)],
            reasons=[Event(entry["due"], entry["reasons"]) for entry in steps if entry["reasons"]],
            drift=[Event(entry["due"], entry["drift"]) for entry in steps if entry["drift"]],
            problems=[
                Event(entry["due"], [entry["forward"]["problem"]])
                for entry in steps
                if entry["forward"] and entry["forward"]["problem"]
            ],
            dated_by=made["dated_by"],
            finished=made["finished"],
            versions=Table("Versions", ["library", "version"], [[*pair] for pair in made["versions"].items()]),
        )
    )


def write(file: Path, made: Mapping[str, Any]) -> Path:
    """Writes the page whole or not at all; returns its path.

    Raises:
        UserError: The file cannot be written.
    """
    return page.save(file, render(made))


def _runs(made: Mapping[str, Any]) -> Table:
    shown = made["main_metrics"]
    rows: list[Row] = []
    for entry in made["steps"]:
        tested = [
            number(entry["heads"][head]["test"].get(metric)) if entry["state"] in VERDICTS else "-"
            for head, metric in shown.items()
        ]
        forward = entry["forward"] or {}
        rows.append(
            [
                entry["due"],
                Cell(entry["state"], _SHADES.get(entry["state"], "")),
                Cell(f"report of {entry['span']}", link=entry["report"]) if entry["report"] else "-",
                *tested,
                (forward.get(SERVED) or {}).get("span") or "-",
                f"{entry['rows']['train']:,}" if entry["rows"] else "-",
                "-" if entry["seconds"] is None else f"{entry['seconds']:,.0f}",
                str(len(entry["drift"])),
            ]
        )
    tests = [f"{head}: {metric} on test" for head, metric in shown.items()]
    columns = ["span", "verdict", "report", *tests, "served then", "rows learnt from", "seconds", "drift findings"]
    # All of them: this is what the page is for.
    return Table.capped("Every run of the schedule", columns, rows, shown=len(rows) or 1)


def _times(steps: Sequence[Entry]) -> Figure:
    seconds = [entry["seconds"] for entry in steps]
    rows: list[Row] = [
        [e["due"], "-" if e["seconds"] is None else f"{e['seconds']:,.0f}", _forward_seconds(e)] for e in steps
    ]
    return Figure(
        charts.over_time(
            [e["due"] for e in steps], {"a run": seconds}, "seconds", f"Seconds of {len(steps)} runs", least=0
        ),
        "Seconds per run. What a run took over from an earlier attempt is not in it.",
        Table("Seconds per run, in numbers", ["span", "run", "measuring the days after"], rows),
    )


def _forward_seconds(entry: Entry) -> str:
    seconds = (entry["forward"] or {}).get("seconds")
    return "-" if seconds is None else f"{seconds:,.0f}"


def _head(made: Mapping[str, Any], name: str, anchor: str) -> HeadView:
    main = made["main_metrics"][name]
    drawn = [main, *(metric for metric in _DRAWN if metric != main)]
    rows: list[Row] = []
    for metric in METRICS:
        found = made["summary"][name][metric]
        values = found[SERVED], found[ONCE]
        steps = f"{found['better']} of {found['steps']}"
        rows.append([metric, *map(number, values), _difference(metric, *values), steps])
    columns = ["metric", "with every run", "trained once", "difference", "steps at which it is better"]
    return HeadView(
        name,
        anchor,
        [_figure(made["steps"], name, metric) for metric in drawn],
        Table(f"{name}: means on the days after", columns, rows),
    )


def _difference(metric: str, served: float | None, once: float | None) -> Cell:
    if served is None or once is None:
        return Cell("-")
    gain = (once - served) if metric in LOWER_IS_BETTER else (served - once)
    if f"{gain:.4f}".strip("-0.") == "":
        return Cell("no difference")
    sign, word, shade = ("▲", "better", "good1") if gain > 0 else ("▼", "worse", "bad1")
    return Cell(f"{sign} {served - once:+.4f}, {word}", shade)


def _figure(steps: Sequence[Entry], head: str, metric: str) -> Figure:
    served, once = ([document.after(entry, of, head, metric) for entry in steps] for of in (SERVED, ONCE))
    test = [entry["heads"].get(head, {}).get("test", {}).get(metric) for entry in steps]
    rows: list[Row] = []
    for i, entry in enumerate(steps):
        forward = entry["forward"] or {}
        labelled = ((forward.get(SERVED) or {}).get("heads") or {}).get(head, {}).get("labelled")
        rows.append(
            [
                entry["due"],
                Cell(number(test[i]), "" if entry["state"] == BLESSED else _SHADES.get(entry["state"], "")),
                f"{forward['from']} to {forward['to']}" if forward else "-",
                "-" if labelled is None else f"{labelled:,}",
                number(served[i]),
                number(once[i]),
                _difference(metric, served[i], once[i]),
            ]
        )
    better = "lower" if metric in LOWER_IS_BETTER else "higher"
    caption = f"{head}: {metric} over time"
    return Figure(
        charts.over_time(
            [entry["due"] for entry in steps],
            {"every run": served, "trained once": once, "on test": test},
            metric,
            f"{metric} of {head} over {len(steps)} steps: every run against trained once",
        ),
        f"{caption}; {better} is better. Every run and trained once: on the days after; on test: at the verdict.",
        Table.capped(
            f"{caption}, in numbers",
            ["span", "on test", "days after", "labelled rows", "with every run", "trained once", "difference"],
            rows,
            shown=60,
        ),
    )


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
