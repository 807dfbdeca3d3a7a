"""Reading transformed examples back from gzip TFRecords."""

import numpy as np
import pytest
import tensorflow as tf

from components.trainer import dataset

ROWS = 30


@pytest.fixture(scope="module")
def task(make_task):
    return make_task(
        {
            "task": "small",
            "features": {"x": {"type": "numeric", "missing_indicator": False}},
            "heads": {"zebra": {"type": "multiclass"}, "apple": {"type": "multiclass"}},
            "training": {"batch_size": 8},
            "gates": {"zebra": "none", "apple": "none"},
        }
    )


@pytest.fixture(scope="module")
def columns():
    """Column x numbers the rows; apple has no label in rows 0 to 9."""
    numbers = np.arange(ROWS)
    return {
        "x_xf": numbers.astype(np.float32),
        "zebra_label": numbers % 2,
        "zebra_labelled": np.ones(ROWS, np.float32),
        "zebra_class_weight": np.where(numbers % 2, 1.5, 0.5).astype(np.float32),
        "apple_label": np.where(numbers < 10, 0, 2),
        "apple_labelled": (numbers >= 10).astype(np.float32),
        "apple_class_weight": np.full(ROWS, 3, np.float32),
    }


@pytest.fixture(scope="module")
def spec(columns):
    kinds = {name: tf.float32 if values.dtype == np.float32 else tf.int64 for name, values in columns.items()}
    return {name: tf.io.FixedLenFeature([], kind) for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def pattern(columns, tmp_path_factory):
    """Two files of 20 and 10 rows."""
    folder = tmp_path_factory.mktemp("examples")
    for shard, rows in enumerate([range(20), range(20, ROWS)]):
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(f"{folder}/part-{shard}.gz", options) as writer:
            for row in rows:
                features = {name: _feature(values[row]) for name, values in columns.items()}
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return f"{folder}/*"


@pytest.fixture(autouse=True, params=["in memory", "streamed"])
def memory(request, monkeypatch):
    """Every test holds whether the rows fit into memory or not."""
    monkeypatch.setattr(dataset, "MEMORY_BYTES", 2**20 if request.param == "in memory" else 0)


def _feature(value):
    if isinstance(value, np.float32):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def read(batches):
    """Returns all rows of all batches: features, labels, weights."""
    parts = list(batches.as_numpy_iterator())
    return tuple({name: np.concatenate([part[i][name] for part in parts]) for name in parts[0][i]} for i in range(3))


def order(batches):
    return read(batches)[0]["x_xf"].astype(int).tolist()


def test_batches_hold_features_labels_and_weights_by_name(pattern, spec, task):
    features, labels, weights = next(iter(dataset.batches([pattern], spec, task)))
    assert {"x_xf"} == set(features)
    assert ["zebra", "apple"] == list(labels) == list(weights)
    assert {"x_xf": tf.float32} == {name: tensor.dtype for name, tensor in features.items()}
    assert {tf.int64} == {tensor.dtype for tensor in labels.values()}
    assert {tf.float32} == {tensor.dtype for tensor in weights.values()}


def test_batch_size_is_the_tasks_and_the_last_batch_is_the_rest(pattern, spec, task):
    sizes = [len(labels["apple"]) for _, labels, _ in dataset.batches([pattern], spec, task)]
    assert sizes == [8, 8, 8, 6]


def test_every_row_keeps_its_labels_and_weights(pattern, spec, task, columns):
    for seed in (None, 1):
        features, labels, weights = read(dataset.batches([pattern], spec, task, seed))
        rows = features["x_xf"].astype(int)
        for head in ("zebra", "apple"):
            expected = columns[f"{head}_labelled"] * columns[f"{head}_class_weight"]
            np.testing.assert_array_equal(columns[f"{head}_label"][rows], labels[head])
            np.testing.assert_array_equal(expected[rows], weights[head])


def test_a_missing_label_has_weight_0_for_its_head_only(pattern, spec, task):
    features, _, weights = read(dataset.batches([pattern], spec, task))
    assert [weights["apple"][features["x_xf"] == row].item() for row in (9, 10)] == [0.0, 3.0]
    assert weights["zebra"].min() > 0


def test_without_a_seed_rows_come_in_the_same_order(pattern, spec, task):
    batches = dataset.batches([pattern], spec, task)
    assert order(batches) == order(batches)
    assert order(batches) == order(dataset.batches([pattern], spec, task))


def test_shuffling_is_seeded_and_anew_in_each_epoch(pattern, spec, task):
    batches = dataset.batches([pattern], spec, task, shuffle_seed=1)
    first, second = order(batches), order(batches)
    again = dataset.batches([pattern], spec, task, shuffle_seed=1)
    assert list(range(ROWS)) == sorted(first) == sorted(second)
    assert first != second
    assert [first, second] == [order(again), order(again)]
    assert first != order(dataset.batches([pattern], spec, task, shuffle_seed=2))
    assert first != order(dataset.batches([pattern], spec, task))


def test_an_epoch_is_in_the_order_of_its_number_whoever_began_those_before(pattern, spec, task):
    whole = order(dataset.batches([pattern], spec, task, shuffle_seed=1).repeat(4))
    resumed = dataset.batches([pattern], spec, task, shuffle_seed=1)
    for _ in range(2):
        next(iter(resumed))
    assert whole[2 * ROWS :] == order(resumed.repeat(2))


def test_the_number_of_batches_is_known_if_rows_are_held(pattern, spec, task):
    batches = dataset.batches([pattern], spec, task, shuffle_seed=1)
    assert int(batches.cardinality()) == (4 if dataset.MEMORY_BYTES else tf.data.UNKNOWN_CARDINALITY)


def test_rows_are_loaded_if_they_fit(pattern, spec, columns):
    num_bytes = ROWS * sum(kind.dtype.size for kind in spec.values())
    loaded = dataset.load([pattern], spec, num_bytes)
    taken = loaded.take(tf.range(ROWS))
    assert set(columns) == set(taken)
    rows = taken["x_xf"].numpy().astype(int)
    for name, values in columns.items():
        np.testing.assert_array_equal(values[rows], taken[name])
    assert dataset.load([pattern], spec, num_bytes - 1) is None


def test_label_counts_count_labelled_rows_by_class(pattern, spec):
    counts = dataset.label_counts([pattern], spec, {"zebra": ("no", "yes"), "apple": ("a", "b", "c", "d")})
    assert {head: found.tolist() for head, found in counts.items()} == {"zebra": [15, 15], "apple": [0, 0, 20, 0]}
