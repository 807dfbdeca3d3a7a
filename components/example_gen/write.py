"""Shards of rows to TFRecord files of tf.Examples, on Beam's workers."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from apache_beam.metrics import Metrics
from tfx.dsl.io import fileio
from tfx_bsl.coders import example_coder

from components.drafts import draft_of
from components.example_gen import columns, images, source, split
from components.example_gen.layout import Layout
from schema.data import Split
from schema.errors import DataError
from schema.names import SPLITS

# Of the counters. Their names are JSON: label of the span, `rows` or `values`, and split or column.
NAMESPACE = "example_gen"


@dataclasses.dataclass(frozen=True)
class Work:
    """A shard, and where its rows go.

    Attributes:
        shard: What to read.
        index: Names its files.
        folders: Folder by split.
        span: Label of its span; empty if the data has no spans.
    """

    shard: source.Shard
    index: int
    folders: Mapping[str, str]
    span: str = ""


def encoded(shard: source.Shard, layout: Layout) -> Iterator[tuple[pa.RecordBatch, list[bytes]]]:
    """Yields the rows of a shard, batch by batch: as columns of features, and each as a serialized tf.Example.

    Raises:
        DataError: The file or an image cannot be read.
    """
    encode = example_coder.RecordBatchToExamplesEncoder().encode
    first_row = shard.first_row
    for batch in source.read_shard(shard, layout.types, has_images=bool(layout.images)):
        rows = columns.to_features(batch, layout.types, shard.file, {*layout.labels, *layout.images}, layout.separators)
        rows = images.read(rows, layout.images, shard.file, first_row)
        first_row += batch.num_rows
        yield rows, encode(rows)


class WriteShard(beam.DoFn):
    """Reads shards and writes their rows, one gzip TFRecord file per split that has any."""

    def __init__(self, layout: Layout, rule: Split):
        self._layout = layout
        self._rule = rule

    def process(self, work: Work) -> Iterator[None]:
        """Writes the files of one shard; yields nothing.

        Raises:
            DataError: The file or an image cannot be read, or the file has no column that the layout declares.
        """
        # A file appears under its name only when it is whole: a bundle that Beam retries leaves no half.
        name = f"data_tfrecord-{work.index:05d}.gz"
        temporary = {key: draft_of(os.path.join(folder, name)) for key, folder in work.folders.items()}
        options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)
        writers = {key: tf.io.TFRecordWriter(path, options) for key, path in temporary.items()}
        layout, shard = self._layout, work.shard
        counted = dict.fromkeys(SPLITS, 0)
        for rows, serialized in encoded(shard, layout):
            splits = split.assign(rows, self._rule, layout.labels)
            for record, position in zip(serialized, splits.tolist(), strict=True):
                writers[SPLITS[position]].write(record)
            for position, key in enumerate(SPLITS):
                counted[key] += int((splits == position).sum())
            for column, values in zip(rows.schema.names, rows.columns, strict=True):
                _counter(work.span, "values", column).inc(len(values) - values.null_count)
        for key, writer in writers.items():
            writer.close()
            if counted[key]:
                fileio.rename(temporary[key], os.path.join(work.folders[key], name), overwrite=True)
            else:
                fileio.remove(temporary[key])
            _counter(work.span, "rows", key).inc(counted[key])
        if not any(counted.values()):  # A shard has rows.
            declared = ", ".join(sorted(layout.types))
            raise DataError(f"{shard.file}: no row with a column of schema.pbtxt, which declares: {declared}")
        yield from ()


def _counter(*name: str) -> Any:
    return Metrics.counter(NAMESPACE, json.dumps(name))
