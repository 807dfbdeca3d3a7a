"""Columns that a later span lacks and an earlier one has, as one that was renamed on some day.

Among many days TensorFlow Data Validation sees but a few more missing values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def vanished(window: Sequence[Mapping[str, Any]], columns: Iterable[str]) -> dict[str, str]:
    """Returns a sentence for every column that is gone from a span of a window, by column.

    A column may begin with any span; from then on every span that has rows must have it.

    Args:
        window: What the spans hold, the newest last (see `example_gen.window`).
        columns: What the task needs.
    """
    sentences = {}
    for name in columns:
        held = [(span["label"], name in span["values"]) for span in window if any(span["rows"].values())]
        first = next((i for i, (_, has) in enumerate(held) if has), len(held))
        if without := [label for label, has in held[first:] if not has]:
            # Of many spans the first tells when it happened.
            spans = without[0] if len(without) == 1 else f"{without[0]} and {len(without) - 1} more"
            sentences[name] = f"column '{name}': not in the files of span {spans}, but in those of {held[first][0]}"
    return sentences
