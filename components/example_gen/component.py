"""ExampleGen: Parquet or CSV rows to tf.Examples in train, eval and test splits, by Arrow record batches.

Stock FileBasedExampleGen finds spans and fingerprints in a driver, which Kubeflow Pipelines never runs; here the data's
fingerprint is a parameter, so that the cache knows the data on every runner.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.metrics import Metrics, MetricsFilter
from pydantic import TypeAdapter
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx_bsl.coders import example_coder

from components.example_gen import columns, images, source, split
from components.example_gen.layout import Layout
from schema.errors import DataError
from schema.names import SPLITS
from schema.task import ColumnSplit, Data, HashSplit


def rows_property(split_name: str) -> str:
    """Returns the name of the examples' property that holds the number of rows of a split."""
    return f"rows_{split_name}"


class WriteShard(beam.DoFn):
    """Reads one shard and writes its rows, one gzip TFRecord file per split."""

    def __init__(self, layout: Layout, rule: HashSplit | ColumnSplit, folders: Mapping[str, str]):
        self._layout = layout
        self._rule = rule
        self._folders = folders
        self._rows = {name: Metrics.counter("example_gen", name) for name in SPLITS}

    def process(self, element: tuple[int, source.Shard]) -> Iterator[None]:
        """Writes the files of one shard; yields nothing."""
        index, shard = element
        # A file appears under its name only when it is whole: a bundle that Beam retries leaves no half.
        name = f"data_tfrecord-{index:05d}.gz"
        temporary = {key: os.path.join(folder, f".{name}-{uuid.uuid4().hex}") for key, folder in self._folders.items()}
        options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)
        writers = {key: tf.io.TFRecordWriter(path, options) for key, path in temporary.items()}
        encode = example_coder.RecordBatchToExamplesEncoder().encode
        layout, first_row = self._layout, shard.first_row
        for batch in source.read_shard(shard, layout.types, has_images=bool(layout.images)):
            rows = columns.to_features(
                batch, layout.types, shard.file, {*layout.labels, *layout.images}, layout.separators
            )
            rows = images.read(rows, layout.images, shard.file, first_row)
            first_row += batch.num_rows
            serialized = encode(rows)
            splits = split.assign(rows, self._rule, layout.labels)
            for record, position in zip(serialized, splits.tolist(), strict=True):
                writers[SPLITS[position]].write(record)
            for position, key in enumerate(SPLITS):
                self._rows[key].inc(int((splits == position).sum()))
        for key, writer in writers.items():
            writer.close()
            fileio.rename(temporary[key], os.path.join(self._folders[key], name), overwrite=True)
        yield from ()


class Executor(BaseBeamExecutor):
    """Shards files over Beam's workers."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the examples.

        Raises:
            DataError: A file or an image cannot be read, or a split stays empty.
        """
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
        folders = {name: artifact_utils.get_split_uri([examples], name) for name in SPLITS}
        for folder in folders.values():
            fileio.makedirs(folder)
        data = TypeAdapter(Data).validate_json(exec_properties["config"])
        files = source.find_files(Path(exec_properties["data"]), data.format)
        shards = source.find_shards(files, data.format)
        layout = Layout.from_json(exec_properties["layout"])

        pipeline = self._make_beam_pipeline()
        _ = (
            pipeline
            | "Shards" >> beam.Create(list(enumerate(shards)))
            | "Spread" >> beam.Reshuffle()
            | "Write" >> beam.ParDo(WriteShard(layout, data.split, folders))
        )
        result = pipeline.run()
        result.wait_until_finish()
        counters = result.metrics().query(MetricsFilter().with_namespace("example_gen"))["counters"]
        rows = dict.fromkeys(SPLITS, 0) | {found.key.metric.name: found.result for found in counters}
        if empty := [name for name, count in rows.items() if not count]:
            raise DataError(
                f"{exec_properties['data']}: no row of {sum(rows.values())} falls into {' and '.join(empty)}; "
                "give more rows, or other ratios in data.split"
            )
        for name, count in rows.items():
            examples.set_int_custom_property(rows_property(name), count)


class ExampleGenSpec(types.ComponentSpec):
    """Data in, examples out."""

    PARAMETERS = {
        "data": ExecutionParameter(type=str),
        "config": ExecutionParameter(type=str),
        "layout": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class ExampleGen(base_component.BaseComponent):
    """Reads a file or folder of Parquet or CSV.

    Args:
        data: File or folder.
        config: `data` of the task.
        layout: Columns, and what they hold.
        fingerprint: Of the data and of the code: a change makes the cache miss.
    """

    SPEC_CLASS = ExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, data: str, config: Data, layout: Layout, fingerprint: str):
        super().__init__(
            ExampleGenSpec(
                data=data,
                config=config.model_dump_json(),
                layout=layout.to_json(),
                fingerprint=fingerprint,
                examples=types.Channel(type=standard_artifacts.Examples),
            )
        )
