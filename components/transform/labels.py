"""Labels: class index or tags, labelled mask and class weights per head."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.transform.analysis.accumulator import Accumulator
from components.transform.analysis.classes import Classes, Tags
from components.transform.dense import one_per_row
from schema import names
from schema.heads import ClassWeights, Head, MultilabelHead

# Cui et al. 2019 (arXiv 1901.05555) try .9, .99, .999 and .9999; .999 stands between "no weights" and "balanced".
EFFECTIVE_NUMBER_BETA = 0.999


def accumulator(head: Head, classes: tuple[str, ...]) -> Accumulator | None:
    """Returns what counts the labelled rows; None if no class weight depends on them."""
    if head.loss.class_weights == "none":
        return None
    return Tags(classes) if isinstance(head, MultilabelHead) else Classes(classes)


def transform(
    name: str, column: tf.SparseTensor, head: Head, classes: tuple[str, ...], counts: Any
) -> dict[str, tf.Tensor]:
    """Returns what training and evaluation need to know of a label.

    A row without a label, or with one outside the classes, keeps its place: its mask is 0 for this head only. Tags are
    classified each by itself, into rows without and with it; an unknown tag counts as none.

    Args:
        name: The head.
        column: BYTES values, `(batch, at most 1)`, or of tags `(batch, any number)`, NO_TAG alone where none applies.
        head: Its class weights.
        classes: Class names, in order.
        counts: Labelled training rows, as `class_weights` takes them; unused without class weights.

    Returns:
        Labelled mask float32 `(batch,)`, and class index int64 and class weight float32, each `(batch,)` or, of tags,
        `(batch, num_tags)`.
    """
    labelled, label, one_hot = encode(column, head, classes)
    rule = head.loss.class_weights
    if rule == "none":
        weight = tf.ones_like(label, tf.float32)
    else:
        weights = class_weights(tf.convert_to_tensor(counts, tf.int64), rule, classes)
        weighted = tf.cast(one_hot, tf.float32) * weights
        # One where nothing is labelled, and the one-hot code is all zeros.
        weight = tf.reduce_sum(weighted, axis=-1) + tf.cast(1 - tf.reduce_sum(one_hot, axis=-1), tf.float32)
    return {names.label(name): label, names.labelled(name): labelled, names.class_weight(name): weight}


def encode(column: tf.SparseTensor, head: Head, classes: tuple[str, ...]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns mask and label as `transform` does, and the label's one-hot code, all zeros where there is none.

    The code is int64 `(batch, num_classes)` or, of tags, `(batch, num_tags, 2)`: without and with it. Its sum over
    rows is what `accumulator` counts.
    """
    if isinstance(head, MultilabelHead):
        labelled, label = _tags(column, classes)
        one_hot = tf.one_hot(label, 2, dtype=tf.int64) * tf.cast(labelled, tf.int64)[:, tf.newaxis, tf.newaxis]
    else:
        values = one_per_row(column, "")
        one_hot = tf.cast(tf.equal(values[:, tf.newaxis], tf.constant(classes)[tf.newaxis, :]), tf.int64)
        labelled = tf.cast(tf.reduce_sum(one_hot, axis=1), tf.float32)
        label = tf.argmax(one_hot, axis=1, output_type=tf.int64)
    return labelled, label, one_hot


def _tags(column: tf.SparseTensor, tags: tuple[str, ...]) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns where a row holds any value, float32 `(batch,)`, and which tags it holds, int64 `(batch, num_tags)`."""
    rows, num_rows = column.indices[:, 0], column.dense_shape[0]
    found = tf.cast(tf.equal(column.values[:, tf.newaxis], tf.constant(tags)[tf.newaxis, :]), tf.int64)
    counts = tf.math.unsorted_segment_sum(found, rows, num_rows)
    lengths = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, num_rows)
    return tf.cast(lengths > 0, tf.float32), tf.cast(counts > 0, tf.int64)


def class_weights(counts: tf.Tensor, rule: ClassWeights, classes: tuple[str, ...]) -> tf.Tensor:
    """Returns the weight of every class, float32 `(num_classes,)`, or of tags `(num_tags, 2)`: without and with it.

    `balanced`: w_c = N / (C n_c). `effective_number`: w_c proportional to (1 - b) / (1 - b^n_c) (Cui et al. 2019,
    equation 4). By name: as given, 1 for classes not named and for rows without a tag. All are scaled so that
    sum_c pi_c w_c = 1, where pi is the share of the class: the scale of the loss does not depend on the rule.

    Args:
        counts: Labelled training rows per class, int64 `(num_classes,)`, or without and with each tag, `(num_tags, 2)`.
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
        named = [rule.get(name, 1.0) for name in classes]
        weights = tf.constant(named if counts.shape.rank == 1 else [[1.0, weight] for weight in named], tf.float32)
    else:
        weights = tf.ones_like(counts)
    shares = counts / tf.maximum(tf.reduce_sum(counts, axis=-1, keepdims=True), 1.0)
    return tf.math.divide_no_nan(weights, tf.reduce_sum(shares * weights, axis=-1, keepdims=True))
