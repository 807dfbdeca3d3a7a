"""What a run's ExampleGen has written: its own record of the spans, and the files, which carry the span they are of."""

from __future__ import annotations

from pathlib import Path

from tfx.types import standard_artifacts

from components.example_gen.store import label_of_file
from components.example_gen.window import load_window
from pipeline.backtest.plan import Step
from schema.data import SpanSplit, Split
from schema.errors import LeakFound
from schema.names import SPLITS, TRAIN


def check(step: Step, folder: str, split: Split) -> None:
    """Refuses a run that has read what lies outside its window, such as a day that had not come yet.

    Args:
        step: The step.
        folder: Of the examples that its run has written.
        split: How rows are split.

    Raises:
        LeakFound: It has rows of a later span, or of one that is not in its window; or, split by span, rows of one span
            both to learn from and to judge by.
    """
    examples = standard_artifacts.Examples()
    examples.uri = folder
    allowed = {span.label for span in (step.run.spans if step.run else ()) if span.number <= step.due}
    if outside := [span["label"] for span in load_window(examples) if span["label"] not in allowed]:
        raise LeakFound(f"{folder}: the run of {step.label} has read span {outside[0]}, outside its window")
    by_split = {name: _labels(Path(folder) / f"Split-{name}") for name in SPLITS}
    for name, labels in by_split.items():
        if strange := sorted(labels - allowed):
            raise LeakFound(f"{folder}: {name} of the run of {step.label} has rows of span {strange[0]}")
    judging = set[str]().union(*(labels for name, labels in by_split.items() if name != TRAIN))
    if isinstance(split, SpanSplit) and (both := sorted(by_split[TRAIN] & judging)):
        raise LeakFound(f"{folder}: span {both[0]} both trains and judges the model of {step.label}")


def _labels(folder: Path) -> set[str]:
    return {label_of_file(file.name) for file in folder.iterdir()}
