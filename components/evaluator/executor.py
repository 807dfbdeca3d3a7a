"""The Evaluator's executor: TFMA, once the models are there to say what their heads are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils, proto_utils

from components.baseline.decision import VERSION_PROPERTY
from components.drafts import remove_drafts
from components.evaluator import config
from components.evaluator.baseline import fault
from components.evaluator.comparison import Comparison
from components.evaluator.evaluation import Evaluation
from components.evaluator.exported import exported_heads, write_heads
from components.evaluator.written import write_config
from schema import names
from schema.errors import DataError


class EvaluatorExecutor(BaseBeamExecutor):
    """Runs TFMA with a configuration that is fitted to the models at hand.

    Decision thresholds are known when a model is trained, not before. A baseline that lacks a head, or has other
    classes for it, cannot be evaluated on it, and the stock Evaluator then fails for ever (tfx#4390): here it is
    compared on the heads that both models have.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates the model, and the baseline if there is one, in one pass."""
        uri = artifact_utils.get_single_uri(input_dict["model"])
        heads = exported_heads(uri)
        artifact = artifact_utils.get_single_instance(input_dict["baseline_model"])
        try:
            baseline = exported_heads(artifact.uri)
        except DataError as error:
            raise _at_fault(artifact, str(error)) from None
        shared = Comparison.of(heads, baseline).shared
        models = config.models_of(heads, shared)
        given = tfma.EvalConfig()
        proto_utils.json_to_proto(exec_properties["eval_config"], given)
        folders = [Path(path_utils.serving_model_path(of)) for of in (uri, artifact.uri)]
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        schema_file = io_utils.get_only_uri_in_dir(artifact_utils.get_single_uri(input_dict["schema"]))
        asked = Evaluation(
            config.eval_config(given, models),
            models,
            dict(zip(models, folders, strict=False)),  # A baseline without any such head is not asked.
            evaluation.uri,
        )
        try:
            with self._make_beam_pipeline() as pipeline:
                asked.run(pipeline, input_dict["examples"], io_utils.SchemaReader().read(schema_file))
        except Exception:
            # Looked into only now: to load a large model once more takes long, and hardly ever finds anything.
            examples = artifact_utils.get_split_uri(input_dict["examples"], names.TEST)
            if shared and (why := fault(folders[1], shared, examples)):
                raise _at_fault(artifact, why) from None
            raise
        remove_drafts([evaluation.uri])
        write_config(asked.output, asked.config, asked.folders)
        write_heads(evaluation.uri, heads, baseline)


def _at_fault(baseline: types.Artifact, why: str) -> DataError:
    version = baseline.get_string_custom_property(VERSION_PROPERTY) or baseline.uri
    mend = '`multihead run TASK --no-baseline "REASON"` judges the new model without it'
    return DataError(f"{version}: the last blessed model cannot be compared with ({why}); {mend}")
