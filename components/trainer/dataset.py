"""Transformed examples as batches of (features, labels per head, weights per head)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from schema import names
from schema.task import TaskSpec

Batch = tuple[dict[str, tf.Tensor], dict[str, tf.Tensor], dict[str, tf.Tensor]]

# Parsed rows are kept in memory up to here and shuffled whole: parsing them anew costs more than a training step. More
# than that is streamed from disk in each epoch.
MEMORY_BYTES = 2**30
# Rows held while shuffling a stream: files are in the order of the data, often by date; a batch should not be one day.
SHUFFLE_ROWS = 100_000
_READ_BATCH = 8192
# Files read at a time: fixed, because the number of cores must not decide the order of the rows.
_FILES_AT_A_TIME = 4


def _records(patterns: Iterable[str], seed: int | None = None) -> tf.data.Dataset:
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    names_of_files = tf.data.Dataset.from_tensor_slices(files)
    if seed is not None:
        names_of_files = names_of_files.shuffle(len(files), seed=seed)
    return names_of_files.interleave(
        lambda file: tf.data.TFRecordDataset(file, compression_type="GZIP"),
        cycle_length=_FILES_AT_A_TIME,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def batches(
    patterns: Iterable[str], spec: Mapping[str, tf.io.FixedLenFeature], task: TaskSpec, shuffle_seed: int | None = None
) -> tf.data.Dataset:
    """Reads transformed examples.

    A head's weight is its labelled mask times the weight of the row's class: 0 where the label is missing. Features,
    labels and weights are split here, in one place (tfx#3207).

    Args:
        patterns: File patterns of gzip TFRecords.
        spec: What TensorFlow Transform emitted, by name.
        task: Its features and heads.
        shuffle_seed: Shuffles rows, anew in each epoch; None keeps the order of the files.

    Returns:
        Batches of ({transformed feature: `(batch,)`}, {head: int64 `(batch,)`}, {head: float32 `(batch,)`}).
    """
    size = task.training.batch_size
    columns = load(patterns, spec, MEMORY_BYTES)
    if columns is not None:
        num_rows = len(next(iter(columns.values())))
        rows = tf.data.Dataset.range(num_rows)
        if shuffle_seed is not None:
            rows = rows.shuffle(num_rows, seed=shuffle_seed)
        parsed = rows.batch(size).map(
            lambda indices: {name: tf.gather(values, indices) for name, values in columns.items()},
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    else:
        records = _records(patterns, shuffle_seed)
        if shuffle_seed is not None:
            records = records.shuffle(SHUFFLE_ROWS, seed=shuffle_seed)
        parsed = records.batch(size).map(
            lambda serialized: tf.io.parse_example(serialized, dict(spec)), num_parallel_calls=tf.data.AUTOTUNE
        )
    return parsed.map(lambda columns: _split(columns, task)).prefetch(tf.data.AUTOTUNE)


def load(patterns: Iterable[str], spec: Mapping[str, tf.io.FixedLenFeature], limit: int) -> dict[str, tf.Tensor] | None:
    """Returns all rows by column, each `(rows,)`, or None if they take more than `limit` bytes."""
    parts: list[dict[str, tf.Tensor]] = []
    held = 0
    for serialized in _records(patterns).batch(_READ_BATCH).prefetch(1):
        parts.append(tf.io.parse_example(serialized, dict(spec)))
        held += sum(values.dtype.size * int(tf.size(values)) for values in parts[-1].values())
        if held > limit:
            return None
    return {name: tf.concat([part[name] for part in parts], axis=0) for name in spec} if parts else None


def _split(columns: dict[str, tf.Tensor], task: TaskSpec) -> Batch:
    """Returns features, labels and weights of parsed columns."""
    columns = dict(columns)
    heads = {
        head: tuple(columns.pop(name(head)) for name in (names.label, names.labelled, names.class_weight))
        for head in task.heads
    }
    return (
        columns,
        {head: label for head, (label, _, _) in heads.items()},
        {head: labelled * weight for head, (_, labelled, weight) in heads.items()},
    )


def label_counts(
    patterns: Iterable[str], spec: Mapping[str, tf.io.FixedLenFeature], classes: Mapping[str, tuple[str, ...]]
) -> dict[str, np.ndarray]:
    """Counts labelled rows per head and class, int64 `(num_classes,)`; reads the label columns only."""
    wanted = {name(head) for head in classes for name in (names.label, names.labelled)}
    label_spec = {name: spec[name] for name in sorted(wanted)}
    counts = {head: np.zeros(len(values), np.int64) for head, values in classes.items()}
    for serialized in _records(patterns).batch(_READ_BATCH).prefetch(1):
        columns = tf.io.parse_example(serialized, label_spec)
        for head in classes:
            labelled = columns[names.labelled(head)].numpy() > 0
            found = columns[names.label(head)].numpy()[labelled]
            counts[head] += np.bincount(found, minlength=len(counts[head]))
    return counts
