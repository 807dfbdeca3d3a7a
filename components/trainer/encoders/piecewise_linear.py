"""A number as the way it has come through each of a row of bins (Gorishniy et al. 2022, arXiv 2203.05556)."""

from __future__ import annotations

import keras
import numpy as np

from components.trainer.encoders import plain
from schema import names
from schema.features import NumericFeature, PiecewiseLinearEncoder


def inputs(name: str, feature: NumericFeature) -> list[keras.KerasTensor]:
    """Returns position among the bins, value and, if the feature has one, missing indicator: float32, `(batch,)`."""
    position = keras.Input(shape=(), name=names.position(name), dtype="float32")
    return [position, *plain.inputs(name, feature)]


def encode(
    columns: list[keras.KerasTensor], name: str, encoder: PiecewiseLinearEncoder, num_ids: int | None
) -> keras.KerasTensor:
    """Returns clip(position - i, 0, 1) for every bin i (equation 1), beside what a plain encoder gives.

    The scaled value itself says how far beyond the edges it lies; the authors' later package adds it, too
    (`PiecewiseLinearEmbeddings` version B of rtdl_num_embeddings).

    Returns:
        `(batch, bins + 1)`, one more with a missing indicator; `(batch, units)` if there is a dense layer on top.
    """
    position, *others = columns
    starts = np.arange(encoder.bins, dtype="float32")
    ways = keras.ops.clip(keras.ops.expand_dims(position, -1) - starts, 0.0, 1.0)
    encoded = keras.ops.concatenate([ways, plain.encode(others, name, encoder, num_ids)], axis=-1)
    return keras.layers.Dense(encoder.units, "relu", name=f"{name}_dense")(encoded) if encoder.units else encoded
