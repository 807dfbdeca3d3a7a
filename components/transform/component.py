"""Transform: TFX's own, which no longer analyses anything, between an analysis and a transformation of our own.

TensorFlow Transform's analysers cost dozens of Beam stages whatever the number of rows, and go over all spans of a
window each time; its cache wants an Examples artifact per span, which was measured to be far slower. So what is to be
learnt is gathered beforehand, per span, and preprocessing_fn is given the result; TFX's executor then writes the
Transform graph without looking at the data.
"""

from __future__ import annotations

import os
from typing import Any

from tfx import types
from tfx.components.transform import component as tfx_transform
from tfx.components.transform import executor as tfx_executor
from tfx.components.transform import executor_utils
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, json_utils

from components.example_gen import per_span, store
from components.example_gen.window import entries
from components.transform.analysis import learnt
from components.transform.analysis.analysis import Analysis
from components.transform.analysis.compute import analyse
from components.transform.materialize import materialize
from schema.task import TaskSpec


class Executor(tfx_executor.Executor):
    """Analyses, has TFX write the Transform graph, and transforms."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the Transform graph and transformed examples."""
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        splits = executor_utils.ResolveSplitsConfig(exec_properties["splits_config"], [examples])
        config = json_utils.loads(exec_properties["custom_config"])
        schema = io_utils.SchemaReader().read(
            io_utils.get_only_uri_in_dir(artifact_utils.get_single_uri(input_dict["schema"]))
        )
        analysis = Analysis(config["task"], config["classes"], schema.SerializeToString())
        folder = os.path.join(self._get_tmp_dir(), "learnt")
        learnt.save(folder, self._analyse(examples, splits.analyze, analysis, config))

        graph = {"transform_graph": output_dict["transform_graph"]}
        told = json_utils.dumps({**config, "learnt": folder})
        super().Do(input_dict, graph, {**exec_properties, "custom_config": told})

        transformed = artifact_utils.get_single_instance(output_dict["transformed_examples"])
        transformed.split_names = artifact_utils.encode_split_names(list(splits.transform))
        task = TaskSpec.from_json(config["task"])
        materialize(
            [
                tuple(artifact_utils.get_split_uri([artifact], split) for artifact in (examples, transformed))
                for split in splits.transform
            ],
            artifact_utils.get_single_uri(output_dict["transform_graph"]),
            [*task.features, *task.heads],
            self._make_beam_pipeline(),
        )

    def _analyse(self, examples, splits, analysis, config):
        files = {}
        digest = analysis.digest(config["code"])
        window = entries(examples)
        for split in splits:
            folder = artifact_utils.get_split_uri([examples], split)
            if window:
                found = store.parts(window, folder)
                files |= {per_span.name(entry, "analysis", stored, digest): part for (entry, stored), part in found.items()}
            else:
                files[split] = [os.path.join(folder, file) for file in sorted(fileio.listdir(folder))]
        kept = config["store"] if window else ""
        kept = kept or os.path.join(self._get_tmp_dir(), "analyses")
        return analyse(files, kept, analysis, self._make_beam_pipeline)


class Transform(tfx_transform.Transform):
    """TFX's Transform with our executor.

    Its `custom_config` holds `task` and `classes` as `preprocessing_fn` reads them, `code`, a digest of the code, and
    `store`, where what is learnt of each span is kept; an empty string if it is not.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
