"""A number as the way it has come through each of a row of bins (Gorishniy et al. 2022, arXiv 2203.05556)."""

from __future__ import annotations

import keras
import numpy as np

from components.trainer.encoders import plain
from schema import names
from schema.features import NumericFeature, PiecewiseLinearEncoder


def inputs(name: str, feature: NumericFeature) -> list[keras.KerasTensor]:
    """Returns the position among the bins and, if the feature has one, its missing indicator: float32, `(batch,)`."""
    columns = [names.position(name)] + ([names.missing(name)] if feature.missing_indicator else [])
    return [keras.Input(shape=(), name=column, dtype="float32") for column in columns]


def encode(
    columns: list[keras.KerasTensor], name: str, encoder: PiecewiseLinearEncoder, num_ids: int | None
) -> keras.KerasTensor:
    """Returns clip(position - i, 0, 1) for every bin i (equation 1), and the missing indicator.

    Returns:
        `(batch, bins)`, one more with a missing indicator; `(batch, units)` if there is a dense layer on top.
    """
    position, *missing = columns
    starts = np.arange(encoder.bins, dtype="float32")
    encoded = keras.ops.clip(keras.ops.expand_dims(position, -1) - starts, 0.0, 1.0)
    if missing:
        encoded = keras.ops.concatenate([encoded, plain.encode(missing, name, encoder, num_ids)], axis=-1)
    return keras.layers.Dense(encoder.units, "relu", name=f"{name}_dense")(encoded) if encoder.units else encoded
