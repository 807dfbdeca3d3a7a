"""The SavedModel: raw tf.Examples in, answers per head out, the Transform graph inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from components import images
from components.trainer.calibration import Calibration
from components.trainer.logits import log_probabilities
from components.trainer.model import MultiHeadModel
from schema import names
from schema.features import ImageFeature
from schema.task import TaskSpec

HEADS_FILE = "multihead.json"


class ServingModule(tf.Module):
    """Holds the Keras 3 model and the Transform layer, so that both are tracked and saved (transform#237).

    Args:
        model: Logits by head from transformed features.
        transform_output: The Transform graph.
        task: Its features.
        calibrations: How each head answers.
    """

    def __init__(
        self,
        model: MultiHeadModel,
        transform_output: tft.TFTransformOutput,
        task: TaskSpec,
        calibrations: Mapping[str, Calibration],
    ):
        super().__init__()
        self._model = model
        self._transform = transform_output.transform_features_layer()
        self._raw_spec = transform_output.raw_feature_spec()
        self._task = task
        self._heads = dict(calibrations)

    def _log_probabilities(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        raw_spec = {name: spec for name, spec in self._raw_spec.items() if name not in self._heads}
        transformed = self._transform(tf.io.parse_example(serialized, raw_spec))
        logits = self._model(model_inputs(transformed, self._task, self._model), training=False)
        return {head: log_probabilities(logits[head], self._model.members) for head in self._heads}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_tf_example(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers serialized raw tf.Examples `(batch,)`; labels in them are not read."""
        outputs = {}
        for name, log_p in self._log_probabilities(examples).items():
            head = self._heads[name]
            scores, classes = head.scores(log_p), tf.constant(head.classes)
            outputs[names.scores(name)] = scores
            outputs[names.classes(name)] = tf.repeat(classes[tf.newaxis, :], tf.shape(scores)[0], axis=0)
            if head.is_multilabel:
                outputs[names.decided_tags(name)] = tf.where(head.decide(scores), classes, "")
            else:
                outputs[names.decided(name)] = tf.gather(classes, head.decide(scores))
        return outputs

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluation(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns probabilities by head, float32 `(batch, num_classes)`, of serialized raw tf.Examples `(batch,)`.

        Those before calibration stand beside them, so that the report can say what calibration did.
        """
        outputs = {}
        for name, log_p in self._log_probabilities(examples).items():
            outputs[name] = self._heads[name].scores(log_p)
            outputs[names.uncalibrated(name)] = self._heads[name].uncalibrated(log_p)
        return outputs

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def transform_features(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns transformed features and labels, of serialized raw tf.Examples `(batch,)`."""
        return self._transform(tf.io.parse_example(examples, self._raw_spec))


def model_inputs(transformed: Mapping[str, tf.Tensor], task: TaskSpec, model: MultiHeadModel) -> dict[str, tf.Tensor]:
    """Returns what the model takes of transformed columns, with images decoded."""
    columns = {column.name: transformed[column.name] for column in model.inputs}
    for name, feature in task.features.items():
        if isinstance(feature, ImageFeature):
            column = names.transformed(name)
            columns[column] = images.decode_batch(columns[column], feature.shape)
    return columns


def export(
    model: MultiHeadModel,
    transform_output: tft.TFTransformOutput,
    task: TaskSpec,
    calibrations: Mapping[str, Calibration],
    folder: Path,
) -> None:
    """Writes the SavedModel and, beside it in `assets.extra`, what is to be known of every head."""
    module = ServingModule(model, transform_output, task, calibrations)
    tf.saved_model.save(
        module,
        str(folder),
        signatures={
            names.SERVING_TF_EXAMPLE: module.serving_tf_example,
            names.EVALUATION: module.evaluation,
            names.TRANSFORM_FEATURES: module.transform_features,
        },
    )
    extra = folder / "assets.extra"
    extra.mkdir(exist_ok=True)
    heads = {name: _describe(calibration) for name, calibration in calibrations.items()}
    (extra / HEADS_FILE).write_text(json.dumps({"heads": heads}, indent=2) + "\n", encoding="utf-8")


def _describe(calibration: Calibration) -> dict[str, Any]:
    return {
        "type": calibration.head.type,
        "classes": list(calibration.classes),
        "thresholds": calibration.thresholds.tolist(),
        "temperature": calibration.temperature,
    }
