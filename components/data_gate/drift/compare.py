"""The newest span against the spans that the model learns from, and against the one before it."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.data_gate.drift import checks, sentences
from components.data_gate.drift.bins import common
from components.data_gate.drift.checks import Samples
from components.data_gate.drift.counts import Counts, merge
from components.data_gate.drift.sentences import Where
from schema.drift import PREVIOUS, WINDOW, Watched

# As many new categories of a column are named.
_MAX_NAMED = 10


@dataclasses.dataclass(frozen=True)
class SpanCounts:
    """What a span holds.

    Attributes:
        label: Of the span.
        rows: Number of its rows.
        columns: Of every watched column.
    """

    label: str
    rows: int
    columns: Mapping[str, Counts]


@dataclasses.dataclass(frozen=True)
class _Comparison:
    """What the newest span is compared with: `reference`, and how other spans compare is seen from those `before`."""

    against: str
    newest: SpanCounts
    reference: Sequence[SpanCounts]
    before: Sequence[SpanCounts]

    @property
    def where(self) -> Where:
        first, last = self.reference[0].label, self.reference[-1].label
        return Where(self.against, self.newest.label, first if first == last else f"{first} to {last}")

    def samples(self, name: str) -> Samples:
        reference = merge([span.columns[name] for span in self.reference])
        return Samples(self.against, self.newest.columns[name], reference, [span.columns[name] for span in self.before])


def compare(spans: Sequence[SpanCounts], judging: int, watched: Sequence[Watched], mode: str) -> dict[str, Any]:
    """Returns `data.drift` of report.json.

    `mode`; `findings`, a sentence for everything that moved too far; and `compared`, a part `with` the WINDOW and one
    with the PREVIOUS span, as far as there are such spans. Each has the `span` compared with, `features`, `labels` and
    `rows`. Of a column there are `distance` and its `measure`, None where a side has no value; `threshold` and `limit`,
    which is more where chance (`noise`) or other spans (`usual`) explain more; whether anything of it `moved`; a
    `note`; histograms of `newest` and `reference`; and under `missing` and `new` the shares of rows without a value,
    and with a value that is new.

    Args:
        spans: The window, the newest last; it has rows, and those that have none do not count.
        judging: How many of the newest spans judge the model, which learns from older ones only; at least 1.
        watched: The columns.
        mode: `drift` of the task.
    """
    compared, findings = [], []
    for comparison in _comparisons(spans, judging):
        rows, sentences_of_rows = _rows(comparison)
        columns = [(column, *_column(comparison, column)) for column in watched]
        compared.append(
            {
                "with": comparison.against,
                "span": comparison.where.reference,
                "features": [entry for column, entry, _ in columns if not column.is_label],
                "labels": [entry for column, entry, _ in columns if column.is_label],
                "rows": rows,
            }
        )
        findings += [*sentences_of_rows, *(sentence for _, _, found in columns for sentence in found)]
    return {"mode": mode, "compared": compared, "findings": findings}


def _comparisons(spans: Sequence[SpanCounts], judging: int) -> Iterator[_Comparison]:
    newest = spans[-1]
    before = [span for span in spans[:-1] if span.rows]
    if learnt := [span for span in spans[:-judging] if span.rows]:
        yield _Comparison(WINDOW, newest, learnt, learnt)
    if before:
        yield _Comparison(PREVIOUS, newest, before[-1:], before)


def _rows(comparison: _Comparison) -> tuple[dict[str, Any], list[str]]:
    newest, before = comparison.newest.rows, [span.rows for span in comparison.before]
    reference = statistics.median(span.rows for span in comparison.reference)
    check = checks.moved_rows(comparison.against, newest, reference, before)
    entry = {"newest": newest, "reference": reference, "ratio": check.value, **check.to_json()}
    return entry, [sentences.rows(comparison.where, newest, reference, check)] if check.moved else []


def _column(comparison: _Comparison, column: Watched) -> tuple[dict[str, Any], list[str]]:
    """Returns a column of report.json, and a sentence on everything of it that moved too far."""
    where, samples = comparison.where, comparison.samples(column.name)
    newest, reference = samples.newest, samples.reference
    threshold = column.threshold(comparison.against)
    entry: dict[str, Any] = {"name": column.name, "kind": column.kind, "measure": column.measure, "distance": None}
    entry |= {
        "threshold": threshold,
        "limit": threshold,
        "noise": None,
        "usual": None,
        "newest": None,
        "reference": None,
    }
    missing = checks.moved_missing(samples)
    entry["missing"] = {"newest": newest.missing, "reference": reference.missing, **missing.to_json()}
    found = [sentences.missing(where, column, samples, missing)] if missing.moved else []
    if not (newest.total and reference.total):
        empty = where.reference if newest.total else where.newest
        return entry | {"note": f"no value in {empty}", "new": None, "moved": bool(found)}, found
    bins = common(newest, reference, column.kind)
    is_stated = comparison.against in column.stated
    values = checks.moved_values(samples, bins, column.measure, threshold, is_stated)
    entry |= {"distance": values.value, **values.to_json(), "note": sentences.note(values), "new": None}
    entry["newest"], entry["reference"] = bins.histogram(newest), bins.histogram(reference)
    if values.moved:
        found.append(sentences.values(where, column, samples, bins, values, is_stated))
    if column.kind == "category" and (new := checks.new_values(samples, bins)):
        check, named = new
        entry["new"] = {"share": check.value, "values": named[:_MAX_NAMED], **check.to_json()}
        if check.moved:
            found.append(sentences.new(where, column, check, named))
    return entry | {"moved": bool(found)}, found
