"""Which spans examples are of, written down beside them."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any, Protocol

from tfx import types
from tfx.dsl.io import fileio

from components.example_gen import store
from components.example_gen.entries import Entry

SPAN_PROPERTY = "span"
WINDOW_PROPERTY = "window"
_WINDOW_FILE = "window.json"


class _Labelled(Protocol):
    @property
    def label(self) -> str: ...


def window_text(window: Sequence[_Labelled]) -> str:
    """Returns the first and last span of a window, as artifacts name it."""
    return f"{window[0].label}..{window[-1].label}"


def describe(examples: types.Artifact, window: Sequence[Entry], folder: str) -> None:
    """Writes down which spans the examples are of, and what each holds.

    Args:
        examples: Their artifact.
        window: The spans, the newest last.
        folder: Where they are stored.
    """
    examples.set_int_custom_property(SPAN_PROPERTY, window[-1].number)
    examples.set_string_custom_property(WINDOW_PROPERTY, window_text(window))
    spans = [
        {"label": entry.label, "number": entry.number, **dataclasses.asdict(store.summary(folder, entry))}
        for entry in window
    ]
    with fileio.open(os.path.join(examples.uri, _WINDOW_FILE), "w") as file:
        file.write(json.dumps(spans, indent=1))


def load_window(examples: types.Artifact) -> list[dict[str, Any]]:
    """Returns what the spans of examples hold, the newest last; nothing if the data has no spans.

    Of each its `label`, `number`, `rows` by split (as `split.assign` put them: see `split.of_span`), and `values`: rows
    that have a value, by column that its files have.
    """
    file = os.path.join(examples.uri, _WINDOW_FILE)
    if not fileio.exists(file):
        return []
    with fileio.open(file, "r") as opened:
        spans: list[dict[str, Any]] = json.loads(opened.read())
    return spans


def empty_spans(examples: types.Artifact) -> list[str]:
    """Returns the labels of the spans of examples that have no row."""
    return [span["label"] for span in load_window(examples) if not any(span["rows"].values())]
