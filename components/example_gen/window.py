"""Which spans examples are of: found, and written down beside them."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any, Protocol

from tfx import types
from tfx.dsl.io import fileio

from components.example_gen import source, spans, store
from components.example_gen.entries import Entry
from components.example_gen.places import Place, place
from schema.data import Data
from schema.errors import DataError

# How the newest span that is there is asked for.
LATEST = "latest"
SPAN_PROPERTY = "span"
WINDOW_PROPERTY = "window"
_WINDOW_FILE = "window.json"


class _Labelled(Protocol):
    @property
    def label(self) -> str: ...


def window_text(window: Sequence[_Labelled]) -> str:
    """Returns the first and last span of a window, as artifacts name it."""
    return f"{window[0].label}..{window[-1].label}"


def find_window(folder: Place, data: Data, span: str, count: int) -> tuple[Entry, ...]:
    """Returns the spans of a window, the newest last; none if the data has no spans.

    Args:
        folder: Of the data.
        data: `data` of the task.
        span: The newest, as a label or number; `latest`, or an empty string, for the latest that is there.
        count: How many spans.

    Raises:
        UserError: No such span can be.
        DataError: The newest is not there.
    """
    if data.spans is None:
        return ()
    known = spans.find_spans(folder, data.spans, data.format, data.marker)
    number = None if span in ("", LATEST) else spans.parse_span(span, data.spans)
    try:
        chosen = spans.resolve(known, number, count)
    except DataError as error:
        raise DataError(f"{folder}: {error}") from None
    keys = (source.fingerprint(source.find_files(place(one.folder), data.format)) for one in chosen)
    return tuple(Entry(one.label, one.number, one.folder, key) for one, key in zip(chosen, keys, strict=True))


def describe(examples: types.Artifact, window: Sequence[Entry], folder: str) -> None:
    """Writes down which spans the examples are of, and what each holds.

    Args:
        examples: Their artifact.
        window: The spans, the newest last.
        folder: Where they are stored.
    """
    examples.set_int_custom_property(SPAN_PROPERTY, window[-1].number)
    examples.set_string_custom_property(WINDOW_PROPERTY, window_text(window))
    described = [{**dataclasses.asdict(entry), **dataclasses.asdict(store.summary(folder, entry))} for entry in window]
    with fileio.open(os.path.join(examples.uri, _WINDOW_FILE), "w") as file:
        file.write(json.dumps(described, indent=1))


def load_window(examples: types.Artifact) -> list[dict[str, Any]]:
    """Returns what the spans of examples hold, the newest last; nothing if the data has no spans.

    Of each its `label`, `number`, `folder`, `key`, `rows` by split (as `split.assign` put them: see `split.of_span`),
    and `values`: rows that have a value, by column that its files have.
    """
    file = os.path.join(examples.uri, _WINDOW_FILE)
    if not fileio.exists(file):
        return []
    with fileio.open(file, "r") as opened:
        found: list[dict[str, Any]] = json.loads(opened.read())
    return found


def entries(examples: types.Artifact) -> tuple[Entry, ...]:
    """Returns the spans of examples, the newest last."""
    names = [field.name for field in dataclasses.fields(Entry)]
    return tuple(Entry(**{name: span[name] for name in names}) for span in load_window(examples))


def empty_spans(examples: types.Artifact) -> list[str]:
    """Returns the labels of the spans of examples that have no row."""
    return [span["label"] for span in load_window(examples) if not any(span["rows"].values())]
