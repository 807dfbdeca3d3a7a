"""A numeric column: scaled, with a missing indicator and, for piecewise-linear encoding, its place among bins."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

from components.transform.dense import one_per_row
from schema import names
from schema.features import NumericFeature, PiecewiseLinearEncoder

_SCALERS = {"zscore": tft.scale_to_z_score, "minmax": tft.scale_to_0_1, "none": lambda column: column}
# Rank error of the quantiles, as a share of the rows: a thirtieth of a bin of 32, in sketches of some 25 kB.
_QUANTILE_ERROR = 0.001


def transform(name: str, column: tf.SparseTensor, feature: NumericFeature) -> dict[str, tf.Tensor]:
    """Returns the scaled value, or its position among bins, and where it was missing.

    Mean, deviation, range and edges are those of the rows that have a value; a missing one becomes 0 after scaling, and
    lies before the first bin.

    Args:
        name: The feature.
        column: INT or FLOAT values, `(batch, at most 1)`.
        feature: How to scale it, and whether to place it.

    Returns:
        float32 tensors `(batch,)`.
    """
    column = column.with_values(tf.cast(column.values, tf.float32))
    if isinstance(feature.encoder, PiecewiseLinearEncoder):
        place = positions(column.values, bin_edges(column.values, feature.encoder.bins))
        transformed = {names.position(name): one_per_row(column.with_values(place), 0.0)}
    else:
        transformed = {names.transformed(name): one_per_row(_SCALERS[feature.scaling](column), 0.0)}
    if feature.missing_indicator:
        absent = column.with_values(tf.zeros_like(column.values))
        transformed[names.missing(name)] = one_per_row(absent, 1.0)
    return transformed


def bin_edges(values: tf.Tensor, bins: int) -> tf.Tensor:
    """Returns least and largest value and, between them, quantiles: one half over all values, one over those not 0.

    Where most values are 0, nearly all quantiles are; those of the other values tell these apart.

    Args:
        values: float32 `(num_values,)`; the edges are those of the whole training data.
        bins: Number of intervals.

    Returns:
        float32 `(bins + 1,)` in ascending order; edges may be equal.
    """
    of_others = (bins - 1) // 2
    inner = [_quantiles(values, bins - 1 - of_others)]
    if of_others:
        inner.append(_quantiles(tf.boolean_mask(values, values != 0), of_others))
    edges = tf.concat([[tft.min(values)], *inner, [tft.max(values)]], axis=0)
    # A column without any value has no least and no largest one.
    return tf.sort(tf.where(tf.math.is_finite(edges), edges, 0.0))


def _quantiles(values: tf.Tensor, count: int) -> tf.Tensor:
    """Returns the inner boundaries of `count + 1` parts of equal size; zeros if there are no values."""
    return tf.reshape(tft.quantiles(values, count + 1, _QUANTILE_ERROR), [count])


def positions(values: tf.Tensor, edges: tf.Tensor) -> tf.Tensor:
    """Returns index of the bin plus way through it: the compact form of a piecewise-linear encoding.

    With position p, the encoding of bin i is clip(p - i, 0, 1): equation 1 of Gorishniy et al. 2022 (arXiv 2203.05556),
    except that values beyond the edges are clipped, too. A bin between equal edges is none and is not counted: the bins
    behind it move up, and the last ones stay empty.

    Args:
        values: float32 `(num_values,)`.
        edges: float32 `(bins + 1,)` in ascending order.

    Returns:
        float32 `(num_values,)`, from 0 to the number of bins.
    """
    lower, upper = edges[:-1], edges[1:]
    bins_before = tf.cumsum(tf.cast(upper > lower, tf.float32), exclusive=True)
    index = tf.clip_by_value(tf.searchsorted(edges, values, side="right") - 1, 0, edges.shape[0] - 2)
    start, width = tf.gather(lower, index), tf.gather(upper - lower, index)
    way = tf.clip_by_value(tf.math.divide_no_nan(values - start, width), 0.0, 1.0)
    return tf.gather(bins_before, index) + way
