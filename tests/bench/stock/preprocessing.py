"""preprocessing_fn as TFX's templates write it: TensorFlow Transform's own analysers, for tables.

It computes what `components.transform` computes, so that both pipelines train on the same columns.
"""

import json

import tensorflow as tf
import tensorflow_transform as tft

from components.transform import labels
from components.transform.dense import one_per_row
from components.transform.features.numeric import positions
from schema import names
from schema.features import CategoricalFeature, PiecewiseLinearEncoder
from schema.task import TaskSpec

_SCALERS = {"zscore": tft.scale_to_z_score, "minmax": tft.scale_to_0_1, "none": lambda column: column}
_QUANTILE_ERROR = 0.001


def preprocessing_fn(inputs, custom_config):
    """Transforms every feature and label of a task of tables."""
    task = TaskSpec.from_json(custom_config["task"])
    classes = json.loads(custom_config["classes"])
    outputs = {}
    for name, feature in task.features.items():
        of_type = _categorical if isinstance(feature, CategoricalFeature) else _numeric
        outputs |= of_type(name, inputs[name], feature)
    for name, head in task.heads.items():
        outputs |= labels.transform(
            name, inputs[name], head, tuple(classes[name]), _counts(inputs[name], head, classes[name])
        )
    return outputs


def _counts(column, head, classes):
    if head.loss.class_weights == "none":
        return None
    _, _, one_hot = labels.encode(column, head, tuple(classes))
    return tft.sum(one_hot, reduce_instance_dims=False)


def _categorical(name, column, feature):
    values = column.values if column.dtype == tf.string else tf.strings.as_string(column.values)
    ids = 1 + tft.compute_and_apply_vocabulary(
        values, top_k=feature.vocabulary, num_oov_buckets=feature.oov, vocab_filename=names.vocabulary(name)
    )
    return {names.transformed(name): one_per_row(column.with_values(ids), 0)}


def _numeric(name, column, feature):
    column = column.with_values(tf.cast(column.values, tf.float32))
    if isinstance(feature.encoder, PiecewiseLinearEncoder):
        place = positions(column.values, _edges(column.values, feature.encoder.bins))
        transformed = {names.position(name): one_per_row(column.with_values(place), 0.0)}
    else:
        transformed = {names.transformed(name): one_per_row(_SCALERS[feature.scaling](column), 0.0)}
    if feature.missing_indicator:
        absent = column.with_values(tf.zeros_like(column.values))
        transformed[names.missing(name)] = one_per_row(absent, 1.0)
    return transformed


def _edges(values, bins):
    of_others = (bins - 1) // 2
    inner = [_quantiles(values, bins - 1 - of_others)]
    if of_others:
        inner.append(_quantiles(tf.boolean_mask(values, values != 0), of_others))
    edges = tf.concat([[tft.min(values)], *inner, [tft.max(values)]], axis=0)
    return tf.sort(tf.where(tf.math.is_finite(edges), edges, 0.0))


def _quantiles(values, count):
    return tf.reshape(tft.quantiles(values, count + 1, _QUANTILE_ERROR), [count])
