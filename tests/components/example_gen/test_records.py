"""Rows come in their order, so many at a time that they fit into memory."""

import pytest
import tensorflow as tf

from components.example_gen import records


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([1] * 7, [3, 3, 1]), ([1] * 3, [3]), ([9, 40, 1, 1], [2, 2]), ([200, 200], [1, 1]), ([], [])],
)
def test_batches_are_bounded_by_rows_and_by_bytes(tmp_path, monkeypatch, sizes, expected):
    monkeypatch.setattr(records, "_MAX_ROWS", 3)
    monkeypatch.setattr(records, "_MAX_BYTES", 45)
    rows = [bytes([i]) * size for i, size in enumerate(sizes)]
    file = str(tmp_path / "rows.gz")
    with tf.io.TFRecordWriter(file, "GZIP") as writer:
        for row in rows:
            writer.write(row)
    batches = list(records.serialized(file))
    assert [row for batch in batches for row in batch] == rows
    assert [len(batch) for batch in batches] == expected


def test_a_row_that_is_not_as_declared_brings_no_column_that_was_not_asked_for(tmp_path):
    file = str(tmp_path / "rows.gz")
    row = tf.train.Example()
    row.features.feature["hour"].bytes_list.value.append(b"abc")
    row.features.feature["photo"].bytes_list.value.append(b"...")
    with tf.io.TFRecordWriter(file, "GZIP") as writer:
        writer.write(row.SerializeToString())
    [found] = records.batches(file, {"hour": "INT"})
    assert found.to_pydict() == {"hour": [[b"abc"]]}
