"""Rows of a TFRecord file, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf

# Many rows at a time make each cheap; images are among them, hence the second bound.
_MAX_ROWS = 8192
_MAX_BYTES = 2**25
_READ_AT_A_TIME = 256


def batches(file: str) -> Iterator[list[bytes]]:
    """Yields serialized tf.Examples of a gzip TFRecord file: so many at a time that they fit well into memory."""
    batch: list[bytes] = []
    held = 0
    dataset = tf.data.TFRecordDataset(file, compression_type="GZIP").batch(_READ_AT_A_TIME)
    for read in dataset.as_numpy_iterator():
        records = read.tolist()
        batch += records
        held += sum(map(len, records))
        if len(batch) >= _MAX_ROWS or held >= _MAX_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
