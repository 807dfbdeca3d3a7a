"""The charts of a head, each with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report import charts
from pipeline.report.parts import Figure, Table

# Of a head with more classes, score histograms of those with the most rows are drawn.
MAX_HISTOGRAMS = 6


def reliability(head: str, bins: Sequence[Mapping[str, float]]) -> Figure:
    """Returns the reliability diagram of a head."""
    rows = [[f"{b['score']:.3f}", f"{b['happened']:.3f}", f"{b['rows']:,}"] for b in bins]
    caption = f"{head}: how often scores came true"
    return Figure(
        charts.reliability(bins, f"Reliability diagram of {head}: share that came true by score, {len(bins)} points"),
        f"{caption}. On the dashed line a score of 0.7 comes true in 70% of the rows; a larger dot is more rows.",
        Table(f"{caption}, in numbers", ["mean score", "share that came true", "rows"], rows),
    )


def histograms(head: str, found: Mapping[str, Any]) -> tuple[list[Figure], int]:
    """Returns how the scores of each class are spread, and how many classes are left out.

    Args:
        head: Its name.
        found: `score_histogram` of report.json.
    """
    edges, classes = found["edges"], found["classes"]
    most = sorted(classes, key=lambda name: -sum(classes[name]["true"]))[:MAX_HISTOGRAMS]
    drawn = [name for name in classes if name in set(most)]
    return [_histogram(head, name, edges, classes[name]) for name in drawn], len(classes) - len(drawn)


def _histogram(head: str, name: str, edges: Sequence[float], counts: Mapping[str, Sequence[int]]) -> Figure:
    true, other = counts["true"], counts["other"]
    rows = [
        [f"{low:.2f} to {high:.2f}", f"{of_class:,}", f"{of_others:,}"]
        for low, high, of_class, of_others in zip(edges, edges[1:], true, other, strict=False)
    ]
    caption = f"{head}: scores of {name}"
    label = f"Score histogram of {head}, {name}: {sum(true):,} rows of this class, {sum(other):,} others"
    return Figure(
        charts.histogram(edges, true, other, label),
        f"{caption}. The less the two lines overlap, the better the classes are told apart.",
        Table(f"{caption}, in numbers", ["score", "rows of this class", "other rows"], rows),
    )


def training(owner: str, train: Sequence[float | None], evaluation: Sequence[float | None]) -> Figure:
    """Returns the losses of a head, or of all of them, by epoch."""
    rows = [
        [str(epoch), _loss(of_train), _loss(of_evaluation)]
        for epoch, (of_train, of_evaluation) in enumerate(zip(train, evaluation, strict=False), 1)
    ]
    caption = f"{owner}: loss while the model learnt"
    return Figure(
        charts.curves(train, evaluation, f"Training curves of {owner}: loss by epoch, {len(rows)} epochs"),
        f"{caption}. Lower is better; if eval rises while train falls, the model learns rows by heart.",
        Table(f"{caption}, in numbers", ["epoch", "train", "eval"], rows),
    )


def _loss(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
