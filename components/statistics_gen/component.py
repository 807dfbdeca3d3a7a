"""StatisticsGen: what TFX's writes, in few Beam stages, and of every span only once.

TFX's pays for TensorFlow Data Validation's many Beam stages per split and goes over all spans of a window each time.
Here the rows of a file become accumulators (see `accumulate`) in one step; those of a span are kept, so that a window
that moves on reads one new day.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
from tfx import types
from tfx.components.statistics_gen import executor as tfx_executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import json_utils

from components.example_gen import per_span
from components.example_gen.layout import Layout
from components.example_gen.records import batches
from components.statistics_gen.accumulate import Accumulators, accumulate, extract, from_bytes, merge, to_bytes

_WHOLE_RATE = 1.0


class Executor(BaseBeamExecutor):
    """Counts the rows that are not counted yet, and writes the statistics of every split."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the statistics.

        Raises:
            DataError: A column holds values of two types.
        """
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        splits = artifact_utils.decode_split_names(examples.split_names)
        _describe(statistics, examples, splits)
        layout = Layout.from_json(exec_properties["layout"])
        fingerprint = exec_properties["fingerprint"]
        parts = {split: per_span.parts(examples, split, "statistics", fingerprint) for split in splits}
        folder = per_span.folder_for(examples, exec_properties["store"], self._get_tmp_dir())
        per_span.open_store(folder)
        self._count({name: files for of_split in parts.values() for name, files in of_split.items()}, folder, layout)
        for split in splits:
            # In one order, so that means are the same to the last digit whatever was kept.
            kept = (from_bytes(per_span.kept(folder, name)) for name in sorted(parts[split]))
            found = merge(kept, layout.images)
            split_folder = artifact_utils.get_split_uri([statistics], split)
            fileio.makedirs(split_folder)
            with fileio.open(os.path.join(split_folder, tfx_executor.DEFAULT_FILE_NAME), "wb") as file:
                file.write(extract(found, layout.images).SerializeToString(deterministic=True))

    def _count(self, parts: Mapping[str, Sequence[str]], folder: str, layout: Layout) -> None:
        """Keeps the accumulators of parts that are not kept yet, or are damaged.

        Args:
            parts: TFRecord files by the name under which their accumulators are kept.
            folder: Where.
            layout: Columns, and what they hold.
        """
        absent = [name for name in parts if per_span.load(folder, name) is None]
        unread = [(name, file) for name in absent for file in parts[name]]
        if not unread:
            return
        column_types, images = dict(layout.types), tuple(layout.images)

        def count(name: str, file: str) -> tuple[str, Accumulators]:
            return name, accumulate(batches(file, column_types), images)

        def keep(name: str, found: Accumulators) -> None:
            per_span.save(folder, name, to_bytes(found))

        pipeline = self._make_beam_pipeline()
        _ = (
            pipeline
            | "Files" >> beam.Create(unread)
            | "Spread" >> beam.Reshuffle()
            | "Count" >> beam.MapTuple(count)
            | "Merge" >> beam.CombinePerKey(functools.partial(merge, images=images))
            | "Keep" >> beam.MapTuple(keep)
        )
        pipeline.run().wait_until_finish()


def _describe(statistics: types.Artifact, examples: types.Artifact, splits: Sequence[str]) -> None:
    """Gives the artifact all properties that TFX's StatisticsGen gives it."""
    statistics.split_names = artifact_utils.encode_split_names(list(splits))
    statistics.span = examples.span
    statistics.set_string_custom_property(tfx_executor.STATS_DASHBOARD_LINK, "")
    rates = json_utils.dumps(dict.fromkeys(splits, _WHOLE_RATE))
    statistics.set_json_value_custom_property(tfx_executor.SAMPLE_RATE_BY_SPLIT_PROPERTY_NAME, rates)


class StatisticsGenSpec(types.ComponentSpec):
    """Examples in, statistics out."""

    PARAMETERS = {
        "layout": ExecutionParameter(type=str),
        "store": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {"statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics)}


class StatisticsGen(base_component.BaseComponent):
    """Computes statistics of every split.

    Args:
        examples: ExampleGen's output.
        layout: Columns, and what they hold.
        store: Where accumulators of spans are kept; an empty string if they are not.
        fingerprint: Of the code and the layout.
    """

    SPEC_CLASS = StatisticsGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, examples: types.BaseChannel, layout: Layout, store: str, fingerprint: str):
        super().__init__(
            StatisticsGenSpec(
                examples=examples,
                layout=layout.to_json(),
                store=store,
                fingerprint=fingerprint,
                statistics=types.Channel(type=standard_artifacts.ExampleStatistics),
            )
        )
