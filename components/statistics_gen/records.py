"""The rows of a TFRecord file of tf.Examples, batch by batch, as Arrow columns.

tfx_bsl's decoder builds a protocol buffer of every row, which takes longer than all that is then counted.
TensorFlow's parser builds none, but has to know columns and types: those of the layout, which nearly always fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders import example_coder

_TYPES = {"INT": tf.int64, "FLOAT": tf.float32, "BYTES": tf.string}


def batches(file: str, types: Mapping[str, str], rows: int) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a gzip TFRecord file.

    Args:
        file: As ExampleGen writes them: no list in it is empty.
        types: INT, FLOAT or BYTES by column, as schema.pbtxt declares them; there are no others.
        rows: How many at once.

    Yields:
        Columns in the order of their names, each a list of int64, float32 or bytes per row, null where there is no
        value; a column without any is left out.
    """
    features = {name: tf.io.RaggedFeature(_TYPES[types[name]], row_splits_dtype=tf.int64) for name in sorted(types)}
    for records in tf.data.TFRecordDataset(file, compression_type="GZIP").batch(rows):
        try:
            parsed = tf.io.parse_example(records, features)
        except tf.errors.InvalidArgumentError:  # A column is not of its declared type: ExampleValidator is to say so.
            yield example_coder.ExamplesToRecordBatchDecoder().DecodeBatch(records.numpy().tolist())
            continue
        found = {name: _lists(column) for name, column in parsed.items() if len(column.values)}
        yield pa.RecordBatch.from_arrays(list(found.values()), names=list(found))


def _lists(column: tf.RaggedTensor) -> pa.LargeListArray:
    values, splits = column.values.numpy(), column.row_splits.numpy()
    is_missing = np.append(np.diff(splits) == 0, False)
    kind = pa.large_binary() if values.dtype == object else None
    return pa.LargeListArray.from_arrays(pa.array(splits, mask=is_missing), pa.array(values, kind))
