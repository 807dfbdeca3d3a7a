import pytest
import tensorflow as tf

from components.transform.dense import one_per_row


@pytest.mark.parametrize(
    ("values", "default", "expected"),
    [
        ([b"x", b"y"], "", [b"x", b"", b"y"]),
        (tf.constant([7, 8], tf.int64), -1, [7, -1, 8]),
        ([0.5, 1.5], 0.0, [0.5, 0.0, 1.5]),
    ],
)
def test_rows_without_a_value_get_the_default(values, default, expected):
    column = tf.SparseTensor([[0, 0], [2, 0]], values, [3, 1])
    assert expected == one_per_row(column, default).numpy().tolist()


def test_a_batch_without_any_value_has_its_rows():
    column = tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.zeros([0], tf.float32), [4, 0])
    assert one_per_row(column, 9.0).numpy().tolist() == [9, 9, 9, 9]
