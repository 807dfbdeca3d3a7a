"""Rows in memory: whatever the shapes of their columns, they are found as they were."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.trainer.held_rows import hold


def parts_of(sizes):
    """Parts with columns of every kind; `flag` numbers the rows of all."""
    first = 0
    for size in sizes:
        rows = np.arange(first, first + size)
        yield {
            "flag": tf.constant(rows, tf.float32),
            "share": tf.constant(rows / 7, tf.float32),
            "id": tf.constant(rows + 2**53, tf.int64),
            "tokens": tf.constant(np.stack([rows, -rows], axis=1), tf.int64),
            "grid": tf.constant(np.broadcast_to(rows[:, None, None], (size, 2, 3)), tf.float32),
            "photo": tf.constant([f"photo {row}" for row in rows], tf.string, shape=[size]),
        }
        first += size


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.data())
def test_rows_are_taken_as_they_were_in_any_order(sizes, data):
    held = hold(parts_of(sizes), 2**20)
    assert len(held) == sum(sizes)
    rows = data.draw(st.lists(st.integers(0, sum(sizes) - 1), max_size=10))
    [whole] = parts_of([sum(sizes)])
    taken = held.take(tf.constant(rows, tf.int64))
    assert set(taken) == set(whole)
    for name, values in whole.items():
        assert (taken[name].dtype, taken[name].shape[1:]) == (values.dtype, values.shape[1:])
        np.testing.assert_array_equal(values.numpy()[rows], taken[name].numpy())


def test_shapes_are_known_when_a_graph_is_made():
    held = hold(parts_of([5]), 2**20)
    spec = tf.data.Dataset.range(0, 5, 2).batch(2).map(held.take).element_spec
    assert spec["flag"].shape.as_list() == [None]
    assert spec["tokens"].shape.as_list() == [None, 2]
    assert spec["grid"].shape.as_list() == [None, 2, 3]
    assert spec["photo"].shape.as_list() == [None]


@pytest.mark.parametrize("limit", [0, 50, 499])
def test_what_is_too_large_is_not_held(limit):
    assert hold(parts_of([10]), limit) is None


def test_of_no_parts_nothing_is_held():
    assert hold([], 2**20) is None
