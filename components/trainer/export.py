"""The SavedModel: raw tf.Examples in, answers per head out, the Transform graph inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import keras
import tensorflow as tf
import tensorflow_transform as tft

from schema import names

HEADS_FILE = "multihead.json"


class ServingModule(tf.Module):
    """Holds the Keras 3 model and the Transform layer, so that both are tracked and saved (transform#237).

    Args:
        model: Logits by head from transformed features.
        transform_output: The Transform graph.
        classes: Class names by head.
    """

    def __init__(
        self, model: keras.Model, transform_output: tft.TFTransformOutput, classes: Mapping[str, tuple[str, ...]]
    ):
        super().__init__()
        self._model = model
        self._transform = transform_output.transform_features_layer()
        self._raw_spec = transform_output.raw_feature_spec()
        self._classes = {head: tuple(values) for head, values in classes.items()}
        self._inputs = {column.name for column in model.inputs}

    def _probabilities(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        raw_spec = {name: spec for name, spec in self._raw_spec.items() if name not in self._classes}
        transformed = self._transform(tf.io.parse_example(serialized, raw_spec))
        logits = self._model({name: transformed[name] for name in self._inputs}, training=False)
        return {head: tf.nn.softmax(logits[head]) for head in self._classes}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_tf_example(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers serialized raw tf.Examples `(batch,)`; labels in them are not read."""
        outputs = {}
        for head, scores in self._probabilities(examples).items():
            classes = tf.constant(self._classes[head])
            outputs[names.scores(head)] = scores
            outputs[names.classes(head)] = tf.repeat(classes[tf.newaxis, :], tf.shape(scores)[0], axis=0)
            outputs[names.decided(head)] = tf.gather(classes, tf.argmax(scores, axis=-1))
        return outputs

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluation(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns probabilities by head, float32 `(batch, num_classes)`, of serialized raw tf.Examples `(batch,)`."""
        return self._probabilities(examples)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def transform_features(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns transformed features and labels, each `(batch,)`, of serialized raw tf.Examples `(batch,)`."""
        return self._transform(tf.io.parse_example(examples, self._raw_spec))


def export(
    model: keras.Model,
    transform_output: tft.TFTransformOutput,
    classes: Mapping[str, tuple[str, ...]],
    folder: Path,
) -> None:
    """Writes the SavedModel and, beside it in `assets.extra`, the class names of every head."""
    module = ServingModule(model, transform_output, classes)
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
    (extra / HEADS_FILE).write_text(json.dumps({"heads": {h: list(v) for h, v in classes.items()}}, indent=2) + "\n")
