"""Transformed examples: every file of raw ones by itself, on Beam's workers.

TensorFlow Transform's own way makes a stage of every step and a Python object of every row between them; here a batch
stays in TensorFlow, Arrow and tfx_bsl's C++ encoder until its rows are written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
from tfx.dsl.io import fileio
from tfx_bsl.coders import example_coder
from tfx_bsl.tfxio import tensor_to_arrow

from components.drafts import draft_of, remove_drafts
from components.example_gen import records


def materialize(
    folders: Sequence[tuple[str, str]], transform_graph: str, columns: Sequence[str], pipeline: beam.Pipeline
) -> None:
    """Transforms the gzip TFRecord files of folders.

    Args:
        folders: Of raw and of transformed examples.
        transform_graph: Folder of the Transform graph.
        columns: Those that it reads.
        pipeline: Where the work is done; it runs.
    """
    work = []
    for source, target in folders:
        fileio.makedirs(target)
        files = sorted(fileio.listdir(source))
        for i, file in enumerate(files):
            name = f"transformed_examples-{i:05d}-of-{len(files):05d}.gz"  # As TFX has it.
            work.append((os.path.join(source, file), os.path.join(target, name)))
    _ = (
        pipeline
        | "Files" >> beam.Create(work)
        | "Spread" >> beam.Reshuffle()
        | "Transform" >> beam.ParDo(_TransformFile(transform_graph, columns))
    )
    pipeline.run().wait_until_finish()
    remove_drafts(target for _, target in folders)


class _TransformFile(beam.DoFn):
    """Reads a file of raw examples and writes one of transformed ones."""

    def __init__(self, transform_graph: str, columns: Sequence[str]):
        self._transform_graph = transform_graph
        self._columns = columns

    def setup(self) -> None:
        """Loads the Transform graph."""
        output = tft.TFTransformOutput(self._transform_graph)
        layer, raw = output.transform_features_layer(), output.raw_feature_spec()
        spec = {name: raw[name] for name in self._columns}
        # Traced once for batches of any size.
        self._transform = tf.function(
            lambda serialized: layer(tf.io.parse_example(serialized, spec)),
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )
        outputs = self._transform.get_concrete_function().structured_outputs
        types = {name: tf.type_spec_from_value(tensor) for name, tensor in outputs.items()}
        self._converter = tensor_to_arrow.TensorsToRecordBatchConverter(types)
        self._encoder = example_coder.RecordBatchToExamplesEncoder(output.transformed_metadata.schema)

    def process(self, work: tuple[str, str]) -> Iterator[None]:
        """Writes one file; yields nothing."""
        source, target = work
        # A file appears under its name only when it is whole: a bundle that Beam retries leaves no half.
        draft = draft_of(target)
        options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)
        with tf.io.TFRecordWriter(draft, options) as writer:
            for batch in records.serialized(source):
                transformed = self._converter.convert(self._transform(tf.constant(batch)))
                for record in self._encoder.encode(transformed):
                    writer.write(record)
        fileio.rename(draft, target, overwrite=True)
        yield from ()
