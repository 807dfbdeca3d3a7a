"""The Evaluator's executor: TFX's own, with a baseline that may be absent or know other heads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.components.evaluator import executor as tfx_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils, proto_utils

from components.evaluator import config
from components.trainer.export import HEADS_FILE

BASELINE_HEADS_PROPERTY = "baseline_heads"


def exported_heads(model_uri: str) -> dict[str, list[str]]:
    """Returns the class names by head of an exported model; empty if the artifact holds no model."""
    file = Path(path_utils.serving_model_path(model_uri)) / "assets.extra" / HEADS_FILE
    return json.loads(file.read_text(encoding="utf-8"))["heads"] if file.is_file() else {}


class EvaluatorExecutor(tfx_executor.Executor):
    """TFX's executor, after the configuration has been fitted to the baseline at hand.

    A baseline that lacks a head, or has other classes for it, cannot be evaluated on it, and the stock Evaluator then
    fails for ever (tfx#4390): here it is compared on the heads that both models have.
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
        shared = frozenset(head for head, classes in heads.items() if baseline.get(head) == classes)
        inputs = dict(input_dict)
        properties = dict(exec_properties)
        if shared:
            given = tfma.EvalConfig()
            proto_utils.json_to_proto(exec_properties["eval_config"], given)
            slices = [tuple(spec.feature_keys) for spec in given.slicing_specs if spec.feature_keys]
            sizes = {head: len(classes) for head, classes in heads.items()}
            properties["eval_config"] = proto_utils.proto_to_json(config.eval_config(sizes, slices, shared))
        else:
            del inputs["baseline_model"]
        super().Do(inputs, output_dict, properties)
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        evaluation.set_string_custom_property(BASELINE_HEADS_PROPERTY, json.dumps(sorted(shared)))
