"""Spans: pieces of the data that arrive one after the other, such as days, each in a folder of its own.

TFX finds them in a driver, which Kubeflow Pipelines never runs, and its "latest" may quietly be an old one (tfx#3049).
Here they are found, and a window of them is chosen, before a pipeline is built; from then on it is a parameter.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterator, Mapping, Sequence

from components.example_gen import source
from components.example_gen.places import Place, look, place
from schema.data import DATE, DAY, MONTH, NUMBER, VERSION, YEAR, placeholders
from schema.errors import DataError, UserError

_EPOCH = datetime.date(1970, 1, 1).toordinal()
_DIGITS = {YEAR: "[0-9]{4}", MONTH: "[0-9]{2}", DAY: "[0-9]{2}", NUMBER: "[0-9]+", VERSION: "[0-9]+"}


@dataclasses.dataclass(frozen=True)
class Span:
    """One span of the data.

    Attributes:
        label: `2013-01-05`, or `17`.
        number: Days since 1970-01-01, or the number itself: what comes later has a higher one.
        version: Which delivery of the span; None if the task's pattern tells none apart.
        folder: Where its files are.
    """

    label: str
    number: int
    version: int | None
    folder: str


def find_spans(data: Place, pattern: str, file_format: str, marker: str | None = None) -> tuple[Span, ...]:
    """Returns the complete spans of a folder in ascending order, of every one its highest complete version.

    A span is complete when it has a data file, rows or none, and the marker if there is to be one. Folders of other
    names are left out.

    Args:
        data: The data's folder.
        pattern: `data.spans` of the task: path of a span's folder in it.
        file_format: Of the files.
        marker: `data.marker` of the task.

    Raises:
        DataError: There is no complete span, a date that is none, or a span that is there twice.
    """
    data = look(data)
    found: dict[int, Span] = {}
    if not data.is_dir():
        raise DataError(f"{data}: no such folder, and data.spans looks in it for {pattern}; {source.MEND}")
    for folder, values in _matches(data, pattern):
        if not source.has_files(folder, file_format) or not (marker is None or (folder / marker).is_file()):
            continue
        number = _number(values, folder)
        span = Span(
            label(number, is_dated(pattern)), number, int(values[VERSION]) if VERSION in values else None, str(folder)
        )
        other = found.setdefault(number, span)
        if other is not span:
            if other.version == span.version:
                mend = "remove one, or tell them apart by {VERSION} in data.spans"
                raise DataError(f"{data}: span {span.label} is there twice, in {other.folder} and {folder}; {mend}")
            found[number] = max(other, span, key=lambda one: one.version or 0)
    if not found:
        complete = f"a {source.SUFFIX[file_format]} file{f' and {marker}' if marker else ''}"
        raise DataError(f"{data}: no folder here is named as data.spans says, {pattern}, and has {complete}")
    return tuple(span for _, span in sorted(found.items()))


def _matches(data: Place, pattern: str) -> list[tuple[Place, dict[str, str]]]:
    """Returns the folders that fit a pattern, and what stands in the places of its placeholders."""
    level: list[tuple[Place, dict[str, str]]] = [(data, {})]
    for part in pattern.split("/"):
        expression = re.compile(
            "".join(
                f"(?P<{piece}>{_DIGITS[piece]})" if index % 2 else re.escape(piece)
                for index, piece in enumerate(re.split(r"\{(\w+)\}", part))
            )
        )
        level = [
            (entry, values | match.groupdict())
            for folder, values in level
            for entry in _entries(folder)
            if (match := expression.fullmatch(entry.name)) and entry.is_dir()
        ]
    return level


def _entries(folder: Place) -> list[Place]:
    found: Iterator[Place] = folder.iterdir()
    return sorted(found, key=lambda entry: entry.name)


def _number(values: Mapping[str, str], folder: Place) -> int:
    if NUMBER in values:
        return int(values[NUMBER])
    try:
        return datetime.date(*(int(values[name]) for name in DATE)).toordinal() - _EPOCH
    except ValueError:
        raise DataError(f"{folder}: {'-'.join(values[name] for name in DATE)} is no day; rename the folder") from None


def is_dated(pattern: str) -> bool:
    """Returns whether spans are days, not mere numbers."""
    return NUMBER not in placeholders(pattern)


def label(number: int, dated: bool) -> str:
    """Returns how people write the number of a span."""
    return datetime.date.fromordinal(number + _EPOCH).isoformat() if dated else str(number)


def parse_span(text: str, pattern: str) -> int:
    """Returns the number of a span given as a label, or as a number.

    Raises:
        UserError: It is neither.
    """
    dated = is_dated(pattern)
    try:
        if text.isdecimal() and text.isascii():
            label(int(text), dated)  # Or else there is no such day.
            return int(text)
        if dated and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return datetime.date.fromisoformat(text).toordinal() - _EPOCH
    except (ValueError, OverflowError):
        pass
    allowed = "a day as YYYY-MM-DD, or as days since 1970-01-01" if dated else "a whole number"
    raise UserError(f"'{text}' is no span of {pattern}; allowed: {allowed}")


def resolve(spans: Sequence[Span], span: int | None = None, window: int | None = None) -> tuple[Span, ...]:
    """Returns the spans of a window, the newest last.

    A window of N spans up to S is S and the N - 1 numbers, that is days, before it. One that is not there makes the
    window smaller (see `missing`), and never reaches further back.

    Args:
        spans: All that there are, ascending.
        span: Number of the newest; the latest that is there if None.
        window: How many spans; one if None.

    Raises:
        DataError: The newest is not there.
    """
    last = spans[-1].number if span is None else span
    if last not in {one.number for one in spans}:
        near = " and ".join(_nearest(spans, last))
        raise DataError(f"span {_like(spans[0], last)} is not there, or not complete; nearest: {near}")
    return tuple(one for one in spans if last - (window or 1) < one.number <= last)


def missing(spans: Sequence[Span], chosen: Sequence[Span], window: int | None = None) -> tuple[str, ...]:
    """Returns the labels of those spans of a window that are not there, ascending.

    What lies before the first span of all is not missing: the data begins there.

    Args:
        spans: All that there are, ascending.
        chosen: The window's, as `resolve` gives them.
        window: How many it was to hold.
    """
    last = chosen[-1].number
    first = max(last - (window or 1) + 1, spans[0].number)
    there = {one.number for one in chosen}
    return tuple(_like(spans[0], number) for number in range(first, last + 1) if number not in there)


def newest_with_rows(spans: Sequence[Span], file_format: str) -> Span | None:
    """Returns the newest of some spans that has a row, None if none has.

    Raises:
        DataError: A file cannot be read.
    """
    return next((one for one in reversed(spans) if source.has_rows(place(one.folder), file_format)), None)


def _like(span: Span, number: int) -> str:
    """Returns the label of a number, in the way of another span's."""
    return label(number, dated=span.label != str(span.number))


def _nearest(spans: Sequence[Span], number: int) -> list[str]:
    before: Iterator[str] = (one.label for one in reversed(spans) if one.number < number)
    after: Iterator[str] = (one.label for one in spans if one.number > number)
    return [found for found in (next(before, None), next(after, None)) if found]
