"""Where rows come from, and which of them train, stop and judge the model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveInt, StringConstraints

from schema.document import Document
from schema.part import Part
from schema.problems import Problem

NUMBER, YEAR, MONTH, DAY, VERSION = "SPAN", "YYYY", "MM", "DD", "VERSION"
DATE = (YEAR, MONTH, DAY)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_ALLOWED = (
    "allowed: a path inside the data folder with {SPAN}, or with all of {YYYY}, {MM} and {DD}, and with {VERSION} if a "
    "span may be delivered again, such as date={YYYY}-{MM}-{DD} or span-{SPAN}/v{VERSION}"
)


def placeholders(pattern: str) -> list[str]:
    """Returns what stands between braces in a pattern of span folders, in order."""
    return _PLACEHOLDER.findall(pattern)


def _checked_pattern(pattern: str) -> str:
    found = placeholders(pattern)
    known = sorted(set(found) - {VERSION}) in ([NUMBER], sorted(DATE))
    parts = pattern.split("/")
    if (
        not known
        or len(found) != len(set(found))
        or re.search(r"[{}]", _PLACEHOLDER.sub("", pattern))
        or "{SPAN}{VERSION}" in pattern  # Nobody could tell where one number ends.
        or "{VERSION}{SPAN}" in pattern
        or any(part in ("", ".", "..") for part in parts)
    ):
        raise ValueError(f"not a pattern of folders; {_ALLOWED}")
    return pattern


SpanPattern = Annotated[str, AfterValidator(_checked_pattern)]


class Ratios(Part):
    """Shares of the rows per split, such as 8 : 1 : 1."""

    train: PositiveInt = 8
    """Share that the model learns from."""
    eval: PositiveInt = 1
    """Share that training stops on and calibration is fitted on."""
    test: PositiveInt = 1
    """Share that the model is judged on."""


class HashSplit(Part):
    """Rows go to a split by a hash of their content, or of the `key` columns so that equal keys stay together."""

    by: Literal["hash"]
    ratios: Ratios = Ratios()
    """How large the splits are."""
    key: tuple[str, ...] = ()
    """Columns whose values decide; if empty, all but the labels."""


class ColumnSplit(Part):
    """Rows go to the split that a column names: `train`, `eval` or `test`."""

    by: Literal["column"]
    column: str
    """Its name; it need not be a feature."""


class SpanSplit(Part):
    """The newest spans judge a model that has learnt from older ones only, as it will be when it is used.

    Rows of the newest spans go to `eval` and `test` by halves, by the same hash as with `by: hash`.
    """

    by: Literal["span"]
    newest: PositiveInt = 1
    """How many spans of the window, counted back from the newest that is there, hold `eval` and `test`."""
    key: tuple[str, ...] = ()
    """Columns whose values decide between `eval` and `test`; if empty, all but the labels."""


Split = HashSplit | ColumnSplit | SpanSplit


class Data(Part):
    """Where rows come from and how they are split."""

    format: Literal["parquet", "csv"] = "parquet"
    """Of the files."""
    spans: SpanPattern | None = None
    """Folders of spans, such as days, by their path inside the data folder: with `{SPAN}`, a number, or with `{YYYY}`,
    `{MM}` and `{DD}`; `{VERSION}`, a number, tells deliveries of one span apart, of which the highest counts. If null,
    all files are one heap of rows."""
    marker: Annotated[str, StringConstraints(pattern=r"^[^/]+$")] | None = None
    """File that whoever writes a span puts into its folder last, such as `_SUCCESS`; a folder without it is not there
    yet. If null, a folder counts as soon as it has a data file."""
    split: Annotated[Split, Field(discriminator="by")] = HashSplit(by="hash")
    """Which rows train, stop and judge the model."""


def checks(document: Document) -> Iterator[Problem]:
    """Yields keys of `data` that need spans where there are none; works on plain data."""
    data: dict[str, Any] = document.section("data")
    if data.get("spans") is not None:
        return
    mend = "say `data.spans`, such as date={YYYY}-{MM}-{DD}"
    if document.section("data", "split").get("by") == "span":
        yield document.problem(("data", "split", "by"), f"`by: span` needs spans: {mend}")
    if data.get("marker") is not None:
        yield document.problem(("data", "marker"), f"marks folders of spans as complete, and there are none: {mend}")
