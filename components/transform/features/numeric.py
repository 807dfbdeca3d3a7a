"""A numeric column: scaled, with a missing indicator."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

from components.transform.dense import one_per_row
from schema import names
from schema.features import NumericFeature

_SCALERS = {"zscore": tft.scale_to_z_score, "minmax": tft.scale_to_0_1, "none": lambda column: column}


def transform(name: str, column: tf.SparseTensor, feature: NumericFeature) -> dict[str, tf.Tensor]:
    """Returns the scaled value, and where it was missing.

    Mean, deviation and range are those of the rows that have a value; a missing one becomes 0 after scaling.

    Args:
        name: The feature.
        column: INT or FLOAT values, `(batch, at most 1)`.
        feature: How to scale it.

    Returns:
        float32 tensors `(batch,)`.
    """
    column = column.with_values(tf.cast(column.values, tf.float32))
    transformed = {names.transformed(name): one_per_row(_SCALERS[feature.scaling](column), 0.0)}
    if feature.missing_indicator:
        absent = column.with_values(tf.zeros_like(column.values))
        transformed[names.missing(name)] = one_per_row(absent, 1.0)
    return transformed
