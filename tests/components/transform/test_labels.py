"""Class weights, as numbers; masks and weights per row, without Beam."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.transform import labels
from schema.heads import CrossEntropy, MulticlassHead, MultilabelHead

CLASSES = ("a", "b", "c")
RULES = ["none", "balanced", "effective_number", {"b": 5.0}, {"a": 0.1, "c": 20.0}]


def weights_of(counts, rule, classes=CLASSES):
    return labels.class_weights(tf.constant(counts, tf.int64), rule, classes).numpy()


def test_balanced_is_rows_by_classes_times_rows_of_the_class():
    # N / (C n_c) for N = 100, C = 3.
    np.testing.assert_allclose(weights_of([70, 20, 10], "balanced"), [100 / 210, 100 / 60, 100 / 30], rtol=1e-6)


def test_effective_number_is_equation_4_of_cui_2019():
    counts = np.array([7000, 200, 1])
    raw = (1 - 0.999) / (1 - 0.999**counts)
    expected = raw / (counts / counts.sum() * raw).sum()
    np.testing.assert_allclose(weights_of(counts, "effective_number"), expected, rtol=1e-3)
    # Golden: a class of one row weighs (1 - b^7000) / (1 - b) = 999.1 times one of 7000.
    assert expected[2] / expected[0] == pytest.approx(999.1, rel=1e-4)


def test_effective_number_stands_between_no_weights_and_balanced():
    ratio = {rule: np.divide(*weights_of([5000, 100], rule, ("a", "b"))[::-1]) for rule in RULES[:3]}
    assert 1 == ratio["none"] < ratio["effective_number"] < ratio["balanced"] == pytest.approx(50)


def test_weights_by_name_keep_their_ratios_and_1_is_the_default():
    weights = weights_of([70, 20, 10], {"b": 5.0})
    np.testing.assert_allclose(weights / weights[0], [1, 5, 1], rtol=1e-6)
    np.testing.assert_allclose(weights, np.array([1, 5, 1]) / 1.8, rtol=1e-6)


def test_none_weighs_every_class_1():
    assert weights_of([70, 20, 10], "none").tolist() == [1, 1, 1]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=3).filter(any), st.sampled_from(RULES))
def test_weights_always_average_1_over_the_rows(counts, rule):
    weights = weights_of(counts, rule)
    assert np.isfinite(weights).all()
    assert (weights > 0).all()
    assert (np.array(counts) / sum(counts) * weights).sum() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_a_class_or_a_head_without_rows_stays_finite(rule):
    assert np.isfinite(weights_of([70, 30, 0], rule)).all()
    assert np.isfinite(weights_of([0, 0, 0], rule)).all()


def counted(head, classes, rows):
    """Returns what is learnt of rows of lists, None where there is no label."""
    accumulator = labels.accumulator(head, classes)
    if accumulator is None:
        return None
    column = [row if row is None else [value.encode() for value in row] for row in rows]
    accumulator.add(pa.array(column, pa.large_list(pa.large_binary())))
    return accumulator.result()


def transform(values, rule):
    """Runs labels.transform on one batch, as if it were all the training rows."""
    rows = [[i, 0] for i, value in enumerate(values) if value is not None]
    column = tf.SparseTensor(rows, [value for value in values if value is not None], [len(values), 1])
    head = MulticlassHead(type="multiclass", loss=CrossEntropy(class_weights=rule))
    counts = counted(head, CLASSES, [value if value is None else [value] for value in values])
    found = labels.transform("h", column, head, CLASSES, counts)
    return {name: tensor.numpy().tolist() for name, tensor in found.items()}


def test_classes_are_numbered_in_the_order_given():
    assert transform(["c", "a", "b", "a"], "none")["h_label"] == [2, 0, 1, 0]


def test_missing_and_undeclared_values_are_masked_and_not_counted():
    columns = transform(["a", None, "b", "A", "a", "a"], "balanced")
    assert columns["h_label"] == [0, 0, 1, 0, 0, 0]
    assert columns["h_labelled"] == [1, 0, 1, 0, 1, 1]
    # Four labelled rows, 3 of a and 1 of b: 1/3 and 1, scaled by 4 / (3/3 + 1).
    np.testing.assert_allclose(columns["h_class_weight"], [2 / 3, 1, 2, 1, 2 / 3, 2 / 3], rtol=1e-6)


def test_without_a_rule_nothing_is_counted(monkeypatch):
    expected = [1, 1, 1]
    monkeypatch.setattr(labels, "class_weights", lambda *_: pytest.fail("counted for nothing"))
    assert expected == transform(["a", None, "b"], "none")["h_class_weight"]


TAGS = ("wet", "new", "old")
ROWS = [["new"], ["wet", "new"], None, [""], ["new", "odd", "new"], ["odd"]]
HOT = [[0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]]


def transform_tags(rows, rule):
    """Runs labels.transform of a multilabel head on one batch, as `transform` does."""
    places = [[i, j] for i, row in enumerate(rows) for j in range(len(row or ()))]
    column = tf.SparseTensor(
        np.reshape(np.array(places, np.int64), [-1, 2]),
        tf.constant([tag for row in rows for tag in row or ()], tf.string),
        [len(rows), max((len(row or ()) for row in rows), default=0)],
    )
    head = MultilabelHead(type="multilabel", loss=CrossEntropy(class_weights=rule))
    found = labels.transform("h", column, head, TAGS, counted(head, TAGS, rows))
    return {name: tensor.numpy() for name, tensor in found.items()}


class TestTags:
    def test_multi_hot_and_a_mask_per_row(self):
        columns = transform_tags(ROWS, "none")
        assert columns["h_label"].tolist() == HOT
        # No tag is a label, too; so is an unknown one, which the data gate names.
        assert columns["h_labelled"].tolist() == [1, 1, 0, 1, 1, 1]
        assert columns["h_class_weight"].tolist() == np.ones((6, 3)).tolist()
        types = [columns[f"h_{suffix}"].dtype for suffix in ("label", "labelled", "class_weight")]
        assert types == [np.int64, np.float32, np.float32]

    def test_balanced_has_two_classes_per_tag(self):
        weights = transform_tags(ROWS, "balanced")["h_class_weight"]
        # Five labelled rows, one of them wet: 5 / (2 * 1) with, 5 / (2 * 4) without; three of them new; none old.
        wet = [0.625, 2.5, 1, 0.625, 0.625, 0.625]
        new = [5 / 6, 5 / 6, 1, 1.25, 5 / 6, 1.25]
        np.testing.assert_allclose(weights, np.transpose([wet, new, np.ones(6)]), rtol=1e-6)

    def test_by_name_weighs_the_rows_that_have_the_tag(self):
        weights = transform_tags(ROWS, {"wet": 6.0})["h_class_weight"]
        # 6 in one row of five: the mean is 2.
        np.testing.assert_allclose(weights[:, 0], [0.5, 3, 1, 0.5, 0.5, 0.5], rtol=1e-6)
        np.testing.assert_allclose(weights[:, 1:], np.ones((6, 2)), rtol=1e-6)

    @pytest.mark.parametrize("rule", ["none", "balanced", "effective_number", {"old": 9.0, "new": 0.1}])
    def test_weights_of_every_tag_average_1_over_the_labelled_rows(self, rule):
        columns = transform_tags(ROWS, rule)
        mask, weights = columns["h_labelled"][:, np.newaxis], columns["h_class_weight"]
        np.testing.assert_allclose((mask * weights).sum(axis=0) / mask.sum(), np.ones(3), rtol=1e-5)
        assert (weights[2] == 1).all()

    def test_weights_on_the_last_axis_are_those_of_each_row_of_counts(self):
        counts = [[70, 30], [5, 0], [0, 0]]
        for rule in ("balanced", "effective_number"):
            whole = labels.class_weights(tf.constant(counts, tf.int64), rule, TAGS).numpy()
            np.testing.assert_allclose(whole, [weights_of(row, rule, ("no", "yes")) for row in counts])

    @pytest.mark.parametrize("rows", [[None, None], [], [[""], None]])
    def test_a_batch_without_any_tag(self, rows):
        columns = transform_tags(rows, "balanced")
        assert columns["h_label"].shape == columns["h_class_weight"].shape == (len(rows), 3)
        assert columns["h_labelled"].tolist() == [float(row is not None) for row in rows]
        assert np.isfinite(columns["h_class_weight"]).all()

    @pytest.mark.parametrize("rule", ["none", "balanced"])
    def test_the_number_of_tags_is_known_to_the_graph(self, rule):
        # So that Transform's feature spec says FixedLenFeature([num_tags]).
        head = MultilabelHead(type="multilabel", loss=CrossEntropy(class_weights=rule))
        column = tf.SparseTensorSpec([None, None], tf.string)
        function = tf.function(lambda column: labels.transform("h", column, head, TAGS, [[1, 1]] * 3))
        traced = function.get_concrete_function(column)
        shapes = {name: tensor.shape.as_list() for name, tensor in traced.structured_outputs.items()}
        assert shapes == {"h_label": [None, 3], "h_labelled": [None], "h_class_weight": [None, 3]}
