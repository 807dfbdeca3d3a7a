"""Bins of numeric columns: positions by hand, edges through TensorFlow Transform."""

import numpy as np
import pytest
import tensorflow as tf

from components.transform.features.numeric import positions
from schema.features import NumericFeature, PiecewiseLinearEncoder


def placed(values, edges):
    return positions(tf.constant(values, tf.float32), tf.constant(edges, tf.float32)).numpy().tolist()


def test_a_position_is_the_bin_plus_the_way_through_it():
    assert placed([0, 1, 2, 2.5, 4, 7, 10], [0, 2, 4, 10]) == [0, 0.5, 1, 1.25, 2, 2.5, 3]


def test_values_beyond_the_edges_are_clipped():
    assert placed([-100, 1e30], [0, 2, 4, 10]) == [0, 3]


def test_equal_edges_are_stepped_over_and_divide_nothing_by_zero():
    # Two bins are left, up to 5 and from there on.
    assert placed([0, 4, 5, 6, 10], [0, 5, 5, 5, 10]) == pytest.approx([0, 0.8, 1, 1.2, 2])
    # At the top: 10 has come through all that can be come through.
    assert placed([0, 5, 9, 10, 11], [0, 5, 10, 10]) == pytest.approx([0, 1, 1.8, 2, 2])
    assert placed([6, 7, 8], [7, 7, 7]) == [0, 0, 0]


def test_positions_grow_with_the_values():
    edges = np.sort(np.random.default_rng(0).integers(-5, 5, 20))
    values = np.linspace(-7, 7, 500)
    assert (np.diff(placed(values, edges)) >= 0).all()


def numeric(bins=None, **others):
    encoder = {} if bins is None else {"encoder": PiecewiseLinearEncoder(type="piecewise_linear", bins=bins)}
    return NumericFeature(type="numeric", **encoder, **others)


# Of 100 values, 90 are 0.
_ZEROS_HEAVY = [0.0] * 90 + [float(v) for v in range(10, 110, 10)]
_FEATURES = {
    "even": numeric(4),
    "heavy": numeric(4, scaling="none"),
    "fine": numeric(8),
    "two": numeric(2, missing_indicator=False),
    "same": numeric(8),
    "absent": numeric(4),
    "plain": numeric(),
}


@pytest.fixture(scope="module")
def learnt(learn):
    # A missing row after the others, which has no say in the edges.
    columns = {
        "even": [float(v) for v in range(1, 102)],
        "heavy": [*_ZEROS_HEAVY, None],
        "fine": [*_ZEROS_HEAVY, None],
        "two": [float(v) for v in range(101)],
        "same": [3.0] * 5,
        "absent": [None] * 5,
        "plain": [1.0, 2.0],
    }
    return learn(_FEATURES, columns)


@pytest.fixture(scope="module")
def transform(learnt):
    return learnt[1]


def test_edges_are_least_and_largest_value_and_quantiles_between(transform):
    # The least, thirds of all, the median of those that are not 0, the largest: 1, 34, 51, 68, 101.
    position = transform(even=[1.0, 17.5, 34.0, 51.0, 68.0, 101.0])["even_position"]
    assert position.dtype == np.float32
    np.testing.assert_allclose(position, [0, 0.5, 1, 2, 3, 4], atol=0.1)


def test_values_that_are_not_0_have_edges_of_their_own(transform):
    # Edges: the least, thirds of all, the (upper) median of the others, the largest: 0, 0, 0, 60, 100, of which two
    # bins are left.
    position = transform(heavy=[-1.0, 0.0, 15.0, 60.0, 90.0, 100.0, 200.0])["heavy_position"]
    np.testing.assert_allclose(position, [0, 0, 0.25, 1, 1.75, 2, 2])


def test_the_bins_knob_is_how_many_intervals_there_are(transform):
    # 0 five times (the least and fifths of all), quarters of the others: 30, 60, 80; and 100.
    position = transform(fine=[0.0, 15.0, 30.0, 45.0, 60.0, 70.0, 95.0, 100.0])["fine_position"]
    np.testing.assert_allclose(position, [0, 0.5, 1, 1.5, 2, 2.5, 3.75, 4])
    np.testing.assert_allclose(transform(two=[0.0, 25.0, 50.0, 100.0])["two_position"], [0, 0.5, 1, 2])


def test_a_missing_value_comes_before_all_bins(transform):
    columns = transform(even=[None, 51.0], heavy=[None, None], two=[None, 50.0])
    assert columns["even_position"][0] == 0
    assert columns["heavy_position"].tolist() == [0, 0]
    assert columns["even_missing"].tolist() == [1, 0]
    assert "two_missing" not in columns


def test_a_column_of_one_value_and_a_column_of_none_have_finite_positions(transform):
    assert np.isfinite(transform(same=[2.0, 3.0, 4.0])["same_position"]).all()
    absent = transform(absent=[None, -5.0, 0.0, 7.0])["absent_position"]
    assert ((absent >= 0) & (absent <= 4)).all()


def test_only_the_piecewise_linear_encoder_asks_for_positions(learnt):
    output, _ = learnt
    columns = output.transformed_feature_spec()
    assert {"plain_position", "even_xf"}.isdisjoint(columns)
    assert columns["even_position"].shape == []
