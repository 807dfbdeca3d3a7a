"""The SavedModel: raw rows in, as tf.Examples or by feature; answers per head out; the Transform graph inside."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.saved.saved_transform_io_v2 import SavedModelLoader

from components import images
from components.exported import ExportedFeature, exported_file, to_data
from components.trainer import kept_weights, raw_columns
from components.trainer.calibration import Calibration
from components.trainer.logits import log_probabilities
from components.trainer.model import MultiHeadModel
from components.trainer.terms import axes_of
from schema import names
from schema.features import ImageFeature
from schema.task import TaskSpec

# Nothing branches in Python on tensors here; to look for that in all that is called takes as long as to trace it.
_graph = functools.partial(tf.function, autograph=False)


class ServingModule(tf.Module):
    """Holds the Keras 3 model's weights and the Transform graph, so that both are tracked and saved (transform#237).

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
        # Behind a function: what is tracked is saved and loaded, a model's layers with all ways to call them, and its
        # optimizer, which has two or three numbers for each weight.
        self._model: Callable[[], MultiHeadModel] = lambda: model
        setattr(self, kept_weights.ATTRIBUTE, kept_weights.layer_weights(model))
        # Without the Keras layer around it, whose own ways to call it would be traced, saved and loaded as well.
        transform = SavedModelLoader(transform_output.transform_savedmodel_dir)
        self._transform, self._tables = transform.apply_transform_model, _used(transform)
        self._raw_spec = transform_output.raw_feature_spec()
        self._feature_spec = {name: self._raw_spec[name] for name in task.features}
        self._task = task
        self._heads = dict(calibrations)
        # One graph of Transform and model, which all signatures call: three would be traced, saved and loaded.
        self._log_probabilities = _graph(
            self._trace_log_probabilities, input_signature=[raw_columns.sparse_specs(self._feature_spec)]
        )
        self.serving_default = self._serving_default()

    def _serving_default(self) -> Callable[..., dict[str, tf.Tensor]]:
        """Returns the signature that answers features as named tensors `(batch,)`.

        Which ones a task has is known here only, so that the function cannot be decorated. What Python's default
        argument says of a feature that is left out, TensorFlow writes into the signature, for TensorFlow Serving.
        """

        def serving_default(
            columns: dict[str, tf.Tensor] = raw_columns.left_out(self._feature_spec),  # noqa: B008
        ) -> dict[str, tf.Tensor]:
            return self._answers(self._log_probabilities(raw_columns.to_sparse(columns)))

        return _graph(serving_default, input_signature=[raw_columns.tensor_specs(self._feature_spec)])

    @_graph(input_signature=[tf.TensorSpec([None], tf.string, name=names.EXAMPLES)])
    def serving_tf_example(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers serialized raw tf.Examples `(batch,)`; labels in them are not read."""
        return self._answers(self._log_probabilities(self._parse(examples)))

    @_graph(input_signature=[tf.TensorSpec([None], tf.string, name=names.EXAMPLES)])
    def evaluation(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns probabilities by head, float32 `(batch, num_classes)`, of serialized raw tf.Examples `(batch,)`.

        Those before calibration stand beside them, so that the report can say what calibration did.
        """
        outputs = {}
        for name, log_p in self._log_probabilities(self._parse(examples)).items():
            outputs[name] = self._heads[name].scores(log_p)
            outputs[names.uncalibrated(name)] = self._heads[name].uncalibrated(log_p)
        return outputs

    @_graph(input_signature=[tf.TensorSpec([None], tf.string, name=names.EXAMPLES)])
    def transform_features(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns transformed features and labels, of serialized raw tf.Examples `(batch,)`."""
        return self._transform(tf.io.parse_example(examples, self._raw_spec))

    def _parse(self, examples: tf.Tensor) -> dict[str, tf.SparseTensor]:
        return tf.io.parse_example(examples, self._feature_spec)

    def _trace_log_probabilities(self, raw: Mapping[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
        """Returns log-probabilities by head of raw columns, whichever way they came."""
        asked, num_rows = raw_columns.at_least_one_row(raw)
        model = self._model()
        logits = model(model_inputs(self._transform(asked), self._task, model), training=False)
        return {head: log_probabilities(logits[head][:num_rows], model.members) for head in self._heads}

    def _answers(self, log_p: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns what is served: scores, class names and decisions by head."""
        outputs = {}
        for name, head in self._heads.items():
            scores, classes = head.scores(log_p[name]), tf.constant(head.classes)
            outputs[names.scores(name)] = scores
            outputs[names.classes(name)] = tf.repeat(classes[tf.newaxis, :], tf.shape(scores)[0], axis=0)
            if head.is_multilabel:
                outputs[names.decided_tags(name)] = tf.where(head.decide(scores), classes, "")
            else:
                outputs[names.decided(name)] = tf.gather(classes, head.decide(scores))
        return outputs

    def describe(self) -> dict[str, Any]:
        """Returns what is to be known of the model without loading it, as `components.exported` reads it."""
        features = {
            name: ExportedFeature(feature.type, raw_columns.TYPE_NAMES[self._feature_spec[name].dtype])
            for name, feature in self._task.features.items()
        }
        heads = {name: _describe(head) for name, head in self._heads.items()}
        return {"task": self._task.task, "heads": heads, "features": to_data(features)}


def _used(transform: SavedModelLoader) -> list[Any]:
    """Returns the tables of a Transform graph. Each has a twin that nothing asks, and functions that make them."""
    loaded, graph = transform._imported, transform._wrapped_function  # No public name leads to them.
    asked = {id(tensor) for tensor in graph.captured_inputs}
    return [resource for resource in loaded.resources if id(resource.resource_handle) in asked]


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
    """Writes the SavedModel and, beside it in `assets.extra`, what is to be known of it and whose its weights are."""
    module = ServingModule(model, transform_output, task, calibrations)
    tf.saved_model.save(
        module,
        str(folder),
        signatures={
            names.SERVING_DEFAULT: module.serving_default,
            names.SERVING_TF_EXAMPLE: module.serving_tf_example,
            names.EVALUATION: module.evaluation,
            names.TRANSFORM_FEATURES: module.transform_features,
        },
    )
    file = exported_file(folder)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(module.describe(), indent=2) + "\n", encoding="utf-8")
    classes = {name: calibration.classes for name, calibration in calibrations.items()}
    kept_weights.write(folder, model, axes_of(model, task, classes, transform_output))


def _describe(calibration: Calibration) -> dict[str, Any]:
    return {
        "type": calibration.head.type,
        "classes": list(calibration.classes),
        "thresholds": calibration.thresholds.tolist(),
        "temperature": calibration.temperature,
    }
