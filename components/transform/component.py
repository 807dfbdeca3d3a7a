"""Transform: TFX's component with our executor, which needs none of TensorFlow Transform's analysers.

They cost dozens of Beam stages whatever the number of rows, and go over all spans of a window each time; their cache
wants an Examples artifact per span, which was measured to be far slower. So what is to be learnt is gathered
beforehand and per span, preprocessing_fn is given the result, and TensorFlow Transform traces the graph in place.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.components.transform import component as tfx_transform
from tfx.components.transform import executor_utils
from tfx.components.util import udf_utils
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.utils import io_utils, json_utils

from components.example_gen import per_span
from components.transform.analysis import learnt
from components.transform.analysis.accumulator import Accumulator
from components.transform.analysis.analysis import Analysis
from components.transform.analysis.compute import analyse
from components.transform.graph import write_graph
from components.transform.materialize import materialize
from schema.columns import column_types
from schema.task import TaskSpec


class Executor(BaseBeamExecutor):
    """Learns from the training rows, writes the Transform graph, and transforms."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the Transform graph and transformed examples."""
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        transformed = artifact_utils.get_single_instance(output_dict["transformed_examples"])
        graph = artifact_utils.get_single_uri(output_dict["transform_graph"])
        splits = executor_utils.ResolveSplitsConfig(exec_properties["splits_config"], [examples])
        config = json_utils.loads(exec_properties["custom_config"])
        schema_file = io_utils.get_only_uri_in_dir(artifact_utils.get_single_uri(input_dict["schema"]))
        schema = io_utils.SchemaReader().read(schema_file)

        analysis = Analysis(config["task"], config["classes"], column_types(schema))
        found = self._analyse(examples, splits.analyze, analysis, config)
        folder = os.path.join(self._get_tmp_dir(), "learnt")
        learnt.save(folder, found)
        fn = udf_utils.get_fn(exec_properties, "preprocessing_fn")
        write_graph(functools.partial(fn, custom_config={**config, "learnt": folder}), schema, graph)

        transformed.split_names = artifact_utils.encode_split_names(list(splits.transform))
        task = TaskSpec.from_json(config["task"])
        materialize(
            [
                (artifact_utils.get_split_uri([examples], split), artifact_utils.get_split_uri([transformed], split))
                for split in splits.transform
            ],
            graph,
            [*task.features, *task.heads],
            self._make_beam_pipeline(),
        )

    def _analyse(
        self, examples: types.Artifact, splits: Sequence[str], analysis: Analysis, config: Mapping[str, str]
    ) -> dict[str, Accumulator]:
        files: dict[str, list[str]] = {}
        for split in splits:
            files |= per_span.parts(examples, split, "analysis", analysis.digest(config["code"]))
        folder = per_span.folder_for(examples, config["store"], self._get_tmp_dir())
        return analyse(files, folder, analysis, self._make_beam_pipeline)


class Transform(tfx_transform.Transform):
    """TFX's Transform with our executor.

    Its `custom_config` holds `task` and `classes` as `preprocessing_fn` reads them, `code`, a digest of the code, and
    `store`, where what is learnt of each span is kept; an empty string if it is not.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
