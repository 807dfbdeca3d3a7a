"""Transformed examples as batches of (features, labels per head, weights per head)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from schema import names
from schema.task import TaskSpec

Batch = tuple[dict[str, tf.Tensor], dict[str, tf.Tensor], dict[str, tf.Tensor]]

# Rows held while shuffling: files are in the order of the data, often by date, and a batch should not be one day.
SHUFFLE_ROWS = 100_000
_COUNT_BATCH = 8192


def _records(patterns: Iterable[str], seed: int | None) -> tf.data.Dataset:
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    names_of_files = tf.data.Dataset.from_tensor_slices(files)
    if seed is not None:
        names_of_files = names_of_files.shuffle(len(files), seed=seed)
    return names_of_files.interleave(
        lambda file: tf.data.TFRecordDataset(file, compression_type="GZIP"),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def batches(
    patterns: Iterable[str], spec: Mapping[str, tf.io.FixedLenFeature], task: TaskSpec, shuffle_seed: int | None = None
) -> tf.data.Dataset:
    """Reads transformed examples.

    A head's weight is its labelled mask times the weight of the row's class: 0 where the label is missing. Features,
    labels and weights are parsed once per row and epoch, and split here, in one place (tfx#3207).

    Args:
        patterns: File patterns of gzip TFRecords.
        spec: What TensorFlow Transform emitted, by name.
        task: Its features and heads.
        shuffle_seed: Shuffles rows, anew in each epoch; None keeps the order of the files.

    Returns:
        Batches of ({transformed feature: `(batch,)`}, {head: int64 `(batch,)`}, {head: float32 `(batch,)`}).
    """
    records = _records(patterns, shuffle_seed)
    if shuffle_seed is not None:
        records = records.shuffle(SHUFFLE_ROWS, seed=shuffle_seed)

    def parse(serialized: tf.Tensor) -> Batch:
        columns = tf.io.parse_example(serialized, dict(spec))
        heads = {
            head: tuple(columns.pop(name(head)) for name in (names.label, names.labelled, names.class_weight))
            for head in task.heads
        }
        return (
            columns,
            {head: label for head, (label, _, _) in heads.items()},
            {head: labelled * weight for head, (_, labelled, weight) in heads.items()},
        )

    return (
        records.batch(task.training.batch_size)
        .map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def label_counts(
    patterns: Iterable[str], spec: Mapping[str, tf.io.FixedLenFeature], classes: Mapping[str, tuple[str, ...]]
) -> dict[str, np.ndarray]:
    """Counts labelled rows per head and class, int64 `(num_classes,)`; reads the label columns only."""
    wanted = {name(head) for head in classes for name in (names.label, names.labelled)}
    label_spec = {name: spec[name] for name in sorted(wanted)}
    counts = {head: np.zeros(len(values), np.int64) for head, values in classes.items()}
    for serialized in _records(patterns, None).batch(_COUNT_BATCH).prefetch(1):
        columns = tf.io.parse_example(serialized, label_spec)
        for head in classes:
            labelled = columns[names.labelled(head)].numpy() > 0
            found = columns[names.label(head)].numpy()[labelled]
            counts[head] += np.bincount(found, minlength=len(counts[head]))
    return counts
