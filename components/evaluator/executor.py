"""The Evaluator's executor: TFX's own, once the models are there to say what their heads are."""

from __future__ import annotations

import json
from typing import Any

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.components.evaluator import executor as tfx_executor
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from components.evaluator import config
from components.evaluator.exported import exported_heads, to_data

HEADS_PROPERTY = "heads"
BASELINE_HEADS_PROPERTY = "baseline_heads"


class EvaluatorExecutor(tfx_executor.Executor):
    """TFX's executor, after the configuration has been fitted to the models at hand.

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
        heads = exported_heads(artifact_utils.get_single_uri(input_dict["model"]))
        baseline = exported_heads(artifact_utils.get_single_uri(input_dict["baseline_model"]))
        shared = {name: baseline[name] for name, head in heads.items() if head.answers_like(baseline.get(name))}
        inputs = dict(input_dict)
        if not shared:
            del inputs["baseline_model"]
        given = tfma.EvalConfig()
        proto_utils.json_to_proto(exec_properties["eval_config"], given)
        fitted = config.eval_config(given, heads, shared or None)
        super().Do(inputs, output_dict, {**exec_properties, "eval_config": proto_utils.proto_to_json(fitted)})
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        evaluation.set_string_custom_property(HEADS_PROPERTY, json.dumps(to_data(heads)))
        evaluation.set_string_custom_property(BASELINE_HEADS_PROPERTY, json.dumps(sorted(shared)))
