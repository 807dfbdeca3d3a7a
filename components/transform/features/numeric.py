"""A numeric column: scaled, with a missing indicator and, for piecewise-linear encoding, its place among bins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from components.transform.analysis.accumulator import Accumulator
from components.transform.analysis.edges import Edges
from components.transform.analysis.extremes import Extremes
from components.transform.analysis.moments import Moments
from components.transform.dense import one_per_row
from schema import names
from schema.features import NumericFeature, PiecewiseLinearEncoder


def accumulator(feature: NumericFeature) -> Accumulator | None:
    """Returns what gathers edges of bins, or what a scale is made of; None if the value stays what it is."""
    if isinstance(feature.encoder, PiecewiseLinearEncoder):
        return Edges(feature.encoder.bins)
    if feature.scaling == "none":
        return None
    return Moments() if feature.scaling == "zscore" else Extremes()


def transform(
    name: str, column: tf.SparseTensor, feature: NumericFeature, learnt: Sequence[float]
) -> dict[str, tf.Tensor]:
    """Returns the scaled value, or its position among bins, and where it was missing.

    Mean, deviation, range and edges are those of the rows that have a value; a missing one becomes 0 after scaling, and
    lies before the first bin.

    Args:
        name: The feature.
        column: INT or FLOAT values, `(batch, at most 1)`.
        feature: How to scale it, and whether to place it.
        learnt: Edges of bins; mean and variance; least and largest value; or nothing.

    Returns:
        float32 tensors `(batch,)`.
    """
    column = column.with_values(tf.cast(column.values, tf.float32))
    if isinstance(feature.encoder, PiecewiseLinearEncoder):
        place = positions(column.values, tf.constant(learnt, tf.float32))
        transformed = {names.position(name): one_per_row(column.with_values(place), 0.0)}
    else:
        scaled = _SCALERS[feature.scaling](column.values, learnt)
        transformed = {names.transformed(name): one_per_row(column.with_values(scaled), 0.0)}
    if feature.missing_indicator:
        absent = column.with_values(tf.zeros_like(column.values))
        transformed[names.missing(name)] = one_per_row(absent, 1.0)
    return transformed


def _to_z_score(values: tf.Tensor, moments: Sequence[float]) -> tf.Tensor:
    """Returns numbers with mean 0 and variance 1; where all are the same, with mean 0."""
    mean, variance = np.array(moments, np.float32)
    return (values - mean) / np.sqrt(variance) if variance else values - mean


def _to_0_1(values: tf.Tensor, extremes: Sequence[float]) -> tf.Tensor:
    """Returns numbers from 0 to 1; where all are the same, or there were none, by a sigmoid."""
    least, largest = np.array(extremes, np.float32)
    return (values - least) / (largest - least) if least < largest else tf.sigmoid(values)


# The definitions of TensorFlow Transform's scale_to_z_score and scale_to_0_1.
_SCALERS: dict[str, Callable[[tf.Tensor, Sequence[float]], tf.Tensor]] = {
    "zscore": _to_z_score,
    "minmax": _to_0_1,
    "none": lambda values, _: values,
}


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
