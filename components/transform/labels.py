"""Labels: class index, labelled mask and class weight per head."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

from components.transform.dense import one_per_row
from schema import names
from schema.heads import ClassWeights, MulticlassHead

# Cui et al. 2019 (arXiv 1901.05555) try .9, .99, .999 and .9999; .999 stands between "no weights" and "balanced".
EFFECTIVE_NUMBER_BETA = 0.999


def transform(
    name: str, column: tf.SparseTensor, head: MulticlassHead, classes: tuple[str, ...]
) -> dict[str, tf.Tensor]:
    """Returns what training and evaluation need to know of a label.

    A row without a label, or with one outside the classes, keeps its place: its mask is 0 for this head only.

    Args:
        name: The head.
        column: BYTES values, `(batch, at most 1)`.
        head: Its class weights.
        classes: Class names, in order.

    Returns:
        Class index int64, labelled mask float32 and class weight float32, each `(batch,)`.
    """
    values = one_per_row(column, "")
    one_hot = tf.cast(tf.equal(values[:, tf.newaxis], tf.constant(classes)[tf.newaxis, :]), tf.int64)
    labelled = tf.cast(tf.reduce_sum(one_hot, axis=1), tf.float32)
    rule = head.loss.class_weights
    if rule == "none":
        weight = tf.ones_like(labelled)
    else:
        weights = class_weights(tft.sum(one_hot, reduce_instance_dims=False), rule, classes)
        weight = tf.linalg.matvec(tf.cast(one_hot, tf.float32), weights) + (1.0 - labelled)
    return {
        names.label(name): tf.argmax(one_hot, axis=1, output_type=tf.int64),
        names.labelled(name): labelled,
        names.class_weight(name): weight,
    }


def class_weights(counts: tf.Tensor, rule: ClassWeights, classes: tuple[str, ...]) -> tf.Tensor:
    """Returns the weight of every class, float32 `(num_classes,)`.

    `balanced`: w_c = N / (C n_c). `effective_number`: w_c proportional to (1 - b) / (1 - b^n_c) (Cui et al. 2019,
    equation 4). By name: as given, 1 for classes not named. All are scaled so that sum_c pi_c w_c = 1, where pi is the
    share of the class: the scale of the loss does not depend on the rule.

    Args:
        counts: Labelled training rows per class, int64 `(num_classes,)`.
        rule: As in task.yaml.
        classes: Class names, in order.
    """
    counts = tf.cast(counts, tf.float32)
    present = tf.maximum(counts, 1.0)  # A class without rows has no finite weight, and none is needed.
    if rule == "balanced":
        weights = 1.0 / present
    elif rule == "effective_number":
        weights = (1.0 - EFFECTIVE_NUMBER_BETA) / (1.0 - tf.pow(EFFECTIVE_NUMBER_BETA, present))
    elif isinstance(rule, dict):
        weights = tf.constant([rule.get(name, 1.0) for name in classes], tf.float32)
    else:
        weights = tf.ones_like(counts)
    shares = counts / tf.maximum(tf.reduce_sum(counts), 1.0)
    return tf.math.divide_no_nan(weights, tf.reduce_sum(shares * weights))
