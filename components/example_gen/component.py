"""ExampleGen: Parquet or CSV rows to tf.Examples in train, eval and test splits, by Arrow record batches.

Stock FileBasedExampleGen finds spans and fingerprints in a driver, which Kubeflow Pipelines never runs; here the data's
fingerprint, or the window of spans, is a parameter, so that the cache knows the data on every runner. If the data could
not be seen when the pipeline was compiled, the window is found here.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.metrics import MetricsFilter
from pydantic import TypeAdapter
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.drafts import remove_drafts
from components.example_gen import source, state, store
from components.example_gen.entries import Entry, entries_from_json, entries_to_json
from components.example_gen.layout import Layout
from components.example_gen.places import place
from components.example_gen.window import describe, find_window
from components.example_gen.write import NAMESPACE, Work, WriteShard
from schema.data import Data, SpanSplit, Split
from schema.errors import DataError
from schema.names import SPLITS


def rows_property(split_name: str) -> str:
    """Returns the name of the examples' property that holds the number of rows of a split."""
    return f"rows_{split_name}"


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
        layout = Layout.from_json(exec_properties["layout"])
        source_folder = place(exec_properties["data"])
        window = entries_from_json(exec_properties["window"]) or find_window(
            source_folder, data, exec_properties["span"], exec_properties["spans"]
        )
        read = [place(entry.folder) for entry in window] or [source_folder]
        examples.set_string_custom_property(
            state.DATA_PROPERTY, state.fingerprint(read, data.format, layout.path_columns)
        )
        if window:
            kept = exec_properties["store"] or os.path.join(self._get_tmp_dir(), "spans")
            rows: Mapping[str, int] = self._gather(window, kept, data, layout, folders)
            describe(examples, window, kept)
        else:
            files = source.find_files(source_folder, data.format)
            shards = source.find_shards(files, data.format)
            work = [Work(shard, index, folders) for index, shard in enumerate(shards)]
            rows = self._write(work, layout, data.split)[""].rows
        if empty := [name for name, count in rows.items() if not count]:
            is_by_span = isinstance(data.split, SpanSplit)
            rows_mend = "give more rows, or other ratios in data.split"
            mend = "give more spans, by a wider --window" if is_by_span else rows_mend
            raise DataError(
                f"{exec_properties['data']}: no row of {sum(rows.values())} falls into {' and '.join(empty)}; {mend}"
            )
        for name, count in rows.items():
            examples.set_int_custom_property(rows_property(name), count)

    def _gather(
        self,
        window: Sequence[Entry],
        folder: str,
        data: Data,
        layout: Layout,
        folders: Mapping[str, str],
    ) -> dict[str, int]:
        """Reads the spans that no earlier window had, and puts all together; returns rows by split."""
        drafts = store.open_drafts(folder, store.absent(folder, window))
        work = []
        for entry, draft in drafts.items():
            files = source.find_files(place(entry.folder), data.format)
            into = store.split_folders(draft)
            work += [Work(one, i, into, entry.label) for i, one in enumerate(source.shards_of(files, data.format))]
        found = self._write(work, layout, data.split)
        for entry, draft in drafts.items():
            store.keep(folder, entry, draft, found[entry.label])
        return store.assemble(folder, window, data.split, folders)

    def _write(self, work: Sequence[Work], layout: Layout, rule: Split) -> Mapping[str, store.Summary]:
        """Reads and writes shards; returns what was written by label of the span."""
        found: dict[str, store.Summary] = defaultdict(lambda: store.Summary(dict.fromkeys(SPLITS, 0), {}))
        if not work:
            return found
        pipeline = self._make_beam_pipeline()
        _ = (
            pipeline
            | "Shards" >> beam.Create(list(work))
            | "Spread" >> beam.Reshuffle()
            | "Write" >> beam.ParDo(WriteShard(layout, rule))
        )
        result = pipeline.run()
        result.wait_until_finish()
        remove_drafts({folder for one in work for folder in one.folders.values()})
        for counter in result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]:
            span, kind, name = json.loads(counter.key.metric.name)
            getattr(found[span], kind)[name] = counter.result
        return found


class ExampleGenSpec(types.ComponentSpec):
    """Data in, examples out."""

    PARAMETERS = {
        "data": ExecutionParameter(type=str),
        "config": ExecutionParameter(type=str),
        "layout": ExecutionParameter(type=str),
        "data_fingerprint": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
        "window": ExecutionParameter(type=str),
        "span": ExecutionParameter(type=str),
        "spans": ExecutionParameter(type=int),
        "store": ExecutionParameter(type=str),
    }
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class ExampleGen(base_component.BaseComponent):
    """Reads a file or folder of Parquet or CSV, or a window of spans.

    Args:
        data: File or folder, or the URI of one in an object store.
        config: `data` of the task.
        layout: Columns, and what they hold.
        data_fingerprint: Of the data: a change makes the cache miss.
        window: Spans to read instead of the whole folder, the newest last; none if the executor is to find them.
        store: Where the encoded rows of spans are kept; an empty string if they are not.
        span: If the executor finds the window, its newest span: a label, a number, or `latest`.
        spans: How many spans that window has.
        fingerprint: Of the code.
    """

    SPEC_CLASS = ExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        data: str | RuntimeParameter,
        config: Data,
        layout: Layout,
        data_fingerprint: str | RuntimeParameter,
        window: Iterable[Entry] = (),
        store: str = "",
        span: str | RuntimeParameter = "",
        spans: int | RuntimeParameter = 1,
        fingerprint: str = "",
    ):
        super().__init__(
            ExampleGenSpec(
                data=data,
                config=config.model_dump_json(),
                layout=layout.to_json(),
                data_fingerprint=data_fingerprint,
                fingerprint=fingerprint,
                window=entries_to_json(window),
                store=store,
                span=span,
                spans=spans,
                examples=types.Channel(type=standard_artifacts.Examples),
            )
        )
