"""One line per stage on the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.text import Text

from pipeline.report import document, drift, gates, tables

if TYPE_CHECKING:
    from pipeline.config import RunConfig


class Progress:
    """Shows a spinner for the stage that runs and a line for each that has finished.

    Args:
        console: The terminal, or whatever stands in its place; without a terminal there are only lines.
    """

    def __init__(self, console: Console):
        self._console = console
        self._status = console.status("")
        self._running: str | None = None

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Shows that something takes a while, and how long it took."""
        self.start(what)
        started = time.monotonic()
        yield
        self.done(what, f"{time.monotonic() - started:7.1f} s")

    def start(self, stage: str) -> None:
        """Shows a stage as running."""
        self._running = stage
        self._status.update(f"{stage} ...")
        self._status.start()

    def finish(self, stage: dict[str, Any]) -> None:
        """Prints the line of a finished stage, as report.json has it."""
        rows = f"{stage['rows']:>10,} rows" if stage["rows"] else ""
        self.done(stage["id"], f"{stage['seconds']:7.1f} s {rows}", stage["cached"])

    def done(self, what: str, rest: str, is_cached: bool = False) -> None:
        """Prints the line of something that is finished, or was finished by an earlier run."""
        self._line("cached" if is_cached else "done", what, rest)

    def failed(self, what: str, rest: str) -> None:
        """Prints the line of something that failed; others may go on."""
        self._line("FAILED", what, rest)

    def fail(self, sentence: str) -> None:
        """Prints the line of the stage that failed, and why."""
        if self._running:
            self._line("FAILED", self._running, "")
        self._status.stop()
        self._console.print(Text(sentence, style="red"), soft_wrap=True)

    def close(self, report: dict[str, Any], run: RunConfig) -> None:
        """Prints the verdict, everything that speaks against the model, and where to read on."""
        self._status.stop()
        self._console.print(tables.verdict_line(report), soft_wrap=True)
        for sentence in gates.refusals(report):
            self._console.print(Text(f"  {sentence}", style="red"), soft_wrap=True)
        if began := (report.get("training") or {}).get("warm_start"):
            self._console.print(Text(tables.warm_start(began)), soft_wrap=True)
        for line in drift.lines(report):
            self._console.print(Text(line, style="yellow"), soft_wrap=True)
        page = run.reports / document.PAGE_FILE
        lines = [f"report: {run.reports / document.REPORT_FILE}", *([f"page: {page}"] if page.is_file() else [])]
        for line in (*lines, f"read it: multihead report {run.output}"):
            self._console.print(Text(line), soft_wrap=True)

    def show(self, *parts: RenderableType) -> None:
        """Prints what is to be read at the end."""
        self._status.stop()
        for part in parts:
            self._console.print(part)

    def say(self, sentence: str, style: str = "") -> None:
        """Prints a sentence that is to be read at the end, however long a path in it is."""
        self._status.stop()
        self._console.print(Text(sentence, style=style), soft_wrap=True)

    def _line(self, state: str, stage: str, rest: str) -> None:
        self._status.stop()
        self._running = None
        style = {"done": "green", "cached": "dim", "FAILED": "bold red"}[state]
        self._console.print(Text.assemble((f"{state:<7}", style), f"{stage:<27} {rest}"), soft_wrap=True)
