"""What every span of a window holds, counted once per span, on Beam's workers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence

import apache_beam as beam
from tfx_bsl.coders import example_coder

from components.data_gate.drift.compare import SpanCounts
from components.data_gate.drift.counts import Counts, count, empty, merge
from components.example_gen import per_span, records
from schema.drift import Kind


@dataclasses.dataclass(frozen=True)
class Source:
    """A span to be counted.

    Attributes:
        label: Of the span.
        files: TFRecord files of its rows; none if it is empty.
        name: Under which its counts are kept.
    """

    label: str
    files: tuple[str, ...]
    name: str


def count_spans(
    sources: Sequence[Source], folder: str, kinds: Mapping[str, Kind], pipeline: beam.Pipeline
) -> list[SpanCounts]:
    """Returns what spans hold: those that no earlier window had are read now, the others never again.

    Args:
        sources: The spans.
        folder: Where counts are kept.
        kinds: What is compared, by column.
        pipeline: Where the reading is done; it runs if there is something to read.
    """
    per_span.open_store(folder)
    filled = [source for source in sources if source.files]
    kept = _load(folder, filled)
    unread = [source for source in filled if source.name not in kept]
    if unread:
        _ = (
            pipeline
            | "Files" >> beam.Create([(source.name, file) for source in unread for file in source.files])
            | "Spread" >> beam.Reshuffle()
            | "Count" >> beam.MapTuple(lambda name, file: (name, count_file(file, kinds)))
            | "BySpan" >> beam.GroupByKey()
            | "Keep" >> beam.MapTuple(lambda name, parts: _keep(folder, name, parts))
        )
        pipeline.run().wait_until_finish()
        kept |= _load(folder, unread)
    nothing = 0, {name: empty(0) for name in kinds}
    return [SpanCounts(source.label, *(kept[source.name] if source.files else nothing)) for source in sources]


def count_file(file: str, kinds: Mapping[str, Kind]) -> tuple[int, dict[str, Counts]]:
    """Returns the number of rows of a gzip TFRecord file of tf.Examples, and what it holds of every column."""
    batches = [_count_batch(batch, kinds) for batch in records.serialized(file)]
    return _merged(batches, kinds)


def _count_batch(serialized: list[bytes], kinds: Mapping[str, Kind]) -> tuple[int, dict[str, Counts]]:
    # Of the type that the data has: that it is the declared one, ExampleValidator has seen.
    batch = example_coder.ExamplesToRecordBatchDecoder().DecodeBatch(serialized)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    rows = len(serialized)
    return rows, {name: count(columns.get(name), rows, kind) for name, kind in kinds.items()}


def _merged(parts: Iterable[tuple[int, Mapping[str, Counts]]], names: Iterable[str]) -> tuple[int, dict[str, Counts]]:
    found = list(parts)
    return sum(rows for rows, _ in found), {name: merge([counts[name] for _, counts in found]) for name in names}


def _keep(folder: str, name: str, parts: Iterable[tuple[int, Mapping[str, Counts]]]) -> None:
    """Keeps the counts of a span, from those of its files."""
    found = list(parts)
    rows, columns = _merged(found, found[0][1])
    counted = {"rows": rows, "columns": {name: counts.to_json() for name, counts in columns.items()}}
    per_span.save(folder, name, json.dumps(counted).encode())


def _load(folder: str, sources: Iterable[Source]) -> dict[str, tuple[int, dict[str, Counts]]]:
    """Returns the counts that are kept, by name."""
    kept = {source.name: per_span.load(folder, source.name) for source in sources}
    return {name: _parsed(counted) for name, counted in kept.items() if counted is not None}


def _parsed(counted: bytes) -> tuple[int, dict[str, Counts]]:
    found = json.loads(counted)
    return found["rows"], {name: Counts.from_json(counts) for name, counts in found["columns"].items()}
