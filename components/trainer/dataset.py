"""Transformed examples as batches of (features, labels per head, weights per head)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from components import images
from components.trainer.held_rows import HeldRows, hold
from schema import names
from schema.features import ImageFeature
from schema.task import TaskSpec

Batch = tuple[dict[str, tf.Tensor], dict[str, tf.Tensor], dict[str, tf.Tensor]]

# Parsed rows are kept in memory up to here and shuffled whole: parsing them anew costs more than a training step. More
# than that is streamed from disk in each epoch.
MEMORY_BYTES = 2**30
# Rows held while shuffling a stream: files are in the order of the data, often by date; a batch should not be one day.
SHUFFLE_ROWS = 100_000
_READ_BATCH = 8192
_PREFETCH_BATCHES = 8
_DECODE_BATCH = 64
# Files read at a time: fixed, because the number of cores must not decide the order of the rows.
_FILES_AT_A_TIME = 4


def options() -> tf.data.Options:
    """Returns what all datasets of a training have in common."""
    found = tf.data.Options()
    # The end of an epoch may wait for the autotuner, which sleeps 10 ms, 20, 40, and so on to a minute: epochs of 14 s
    # took 20.47. Without it, AUTOTUNE means as many calls as there are cores.
    found.autotune.enabled = False
    # To rewrite a graph, tf.data writes all of it down, the rows that are held included, and reads it again.
    found.experimental_optimization.apply_default_optimizations = False
    return found


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
    ).with_options(options())


def batches(
    patterns: Iterable[str], spec: Mapping[str, tf.io.FixedLenFeature], task: TaskSpec, shuffle_seed: int | None = None
) -> tf.data.Dataset:
    """Reads transformed examples.

    A head's weight is its labelled mask times the weight of the row's class: 0 where the label is missing. Features,
    labels and weights are split here, in one place (tfx#3207), and images decoded: once where all of them fit into
    memory, else as they are needed.

    Args:
        patterns: File patterns of gzip TFRecords.
        spec: What TensorFlow Transform emitted, by name.
        task: Its features and heads.
        shuffle_seed: Shuffles rows, anew in each epoch; None keeps the order of the files.

    Returns:
        Batches of ({transformed feature: as `schema.names.transformed` says}, {head: labels}, {head: weights}), labels
        int64 and weights float32, `(batch,)` or, of tags, `(batch, num_tags)`.
    """
    size = task.training.batch_size
    shapes = {
        names.transformed(name): feature.shape
        for name, feature in task.features.items()
        if isinstance(feature, ImageFeature)
    }
    held = load(patterns, spec, MEMORY_BYTES)
    if held is not None:
        if len(held) * sum(map(math.prod, shapes.values())) <= MEMORY_BYTES:
            held.others |= {name: _decode_all(held.others[name], shape) for name, shape in shapes.items()}
            shapes = {}
        numbers = row_numbers(len(held), size, shuffle_seed)
        parsed = numbers.map(held.take, num_parallel_calls=tf.data.AUTOTUNE)
    else:
        records = _records(patterns, shuffle_seed)
        if shuffle_seed is not None:
            records = records.shuffle(SHUFFLE_ROWS, seed=shuffle_seed)
        parsed = records.batch(size).map(
            lambda serialized: tf.io.parse_example(serialized, dict(spec)), num_parallel_calls=tf.data.AUTOTUNE
        )
    split = parsed.map(
        lambda columns: split_batch(
            columns | {name: images.decode_batch(columns[name], shape) for name, shape in shapes.items()}, task
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return split.prefetch(_PREFETCH_BATCHES).with_options(options())


def row_numbers(num_rows: int, size: int, seed: int | None) -> tf.data.Dataset:
    """Returns the numbers of an epoch's rows in batches of a size, int64; in an order of its own each time if seeded.

    Drawn at once: `Dataset.shuffle` handles every number by itself, which costs as much as finding the rows.
    """

    def batched(order: tf.Tensor) -> tf.data.Dataset:
        return tf.data.Dataset.range(0, num_rows, size).map(lambda start: order[start : start + size])

    def shuffled(drawn: tf.Tensor) -> tf.data.Dataset:
        order = tf.range(num_rows, dtype=tf.int64)
        return batched(tf.random.experimental.stateless_shuffle(order, tf.stack([drawn, 0])))

    if seed is None:
        return batched(tf.range(num_rows, dtype=tf.int64))
    drawn = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1)
    return drawn.flat_map(shuffled).apply(tf.data.experimental.assert_cardinality(-(-num_rows // size)))


def load(patterns: Iterable[str], spec: Mapping[str, tf.io.FixedLenFeature], limit: int) -> HeldRows | None:
    """Returns all rows, or None if they take more than `limit` bytes."""
    records = _records(patterns).batch(_READ_BATCH).prefetch(1)
    return hold((tf.io.parse_example(serialized, dict(spec)) for serialized in records), limit)


def _decode_all(encoded: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """Returns all images of a column, uint8 `(rows, height, width, channels)`."""
    batches = tf.data.Dataset.from_tensor_slices(encoded).batch(_DECODE_BATCH)
    decoded = batches.map(lambda batch: images.decode_batch(batch, shape), num_parallel_calls=tf.data.AUTOTUNE)
    return tf.concat(list(decoded.with_options(options())), axis=0)


def split_batch(columns: dict[str, tf.Tensor], task: TaskSpec) -> Batch:
    """Returns features, labels per head and weights per head of parsed columns."""
    columns = dict(columns)
    labels, weights = {}, {}
    for head in task.heads:
        labels[head] = columns.pop(names.label(head))
        weight, labelled = columns.pop(names.class_weight(head)), columns.pop(names.labelled(head))
        weights[head] = weight * (labelled if weight.shape.rank == 1 else labelled[:, tf.newaxis])
    return columns, labels, weights


def label_counts(
    patterns: Iterable[str], spec: Mapping[str, tf.io.FixedLenFeature], classes: Mapping[str, tuple[str, ...]]
) -> dict[str, np.ndarray]:
    """Counts labelled rows per head and class, int64 `(num_classes,)`; reads the label columns only.

    Of tags: rows without and with each, `(num_tags, 2)`.
    """
    wanted = {name(head) for head in classes for name in (names.label, names.labelled)}
    label_spec = {name: spec[name] for name in sorted(wanted)}
    counts = {
        head: _count(np.zeros((0, *spec[names.label(head)].shape), np.int64), len(classes[head])) for head in classes
    }
    for serialized in _records(patterns).batch(_READ_BATCH).prefetch(1):
        columns = tf.io.parse_example(serialized, label_spec)
        for head in classes:
            labelled = columns[names.labelled(head)].numpy() > 0
            found = columns[names.label(head)].numpy()[labelled]
            counts[head] += _count(found, len(classes[head]))
    return counts


def _count(labels: np.ndarray, num_classes: int) -> np.ndarray:
    if labels.ndim == 1:
        return np.bincount(labels, minlength=num_classes)
    with_tag = labels.sum(axis=0)
    return np.stack([len(labels) - with_tag, with_tag], axis=1)
