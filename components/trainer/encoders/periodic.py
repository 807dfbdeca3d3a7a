"""A number as sines and cosines of learnt frequencies (Gorishniy et al. 2022, arXiv 2203.05556, equation 2)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from components.trainer.encoders import plain
from schema.features import PeriodicEncoder


@keras.saving.register_keras_serializable("multihead")
class Periodic(keras.layers.Layer):
    """Gives sin(2 pi c_i x) and cos(2 pi c_i x) with trained c_i, which start as draws from N(0, sigma^2).

    Args:
        frequencies: How many c_i.
        sigma: Standard deviation at the start, cycles per unit of x.

    Input shape:
        `(batch,)`.

    Output shape:
        `(batch, 2 * frequencies)`.
    """

    def __init__(self, frequencies: int, sigma: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.frequencies = frequencies
        self.sigma = sigma

    def build(self, input_shape: Any) -> None:
        """Draws the frequencies."""
        start = keras.initializers.RandomNormal(stddev=self.sigma)
        self.cycles = self.add_weight(shape=(self.frequencies,), initializer=start, name="cycles")

    def call(self, inputs: Any) -> Any:
        """Returns the waves."""
        angles = 2 * np.pi * self.cycles * keras.ops.expand_dims(inputs, -1)
        return keras.ops.concatenate([keras.ops.sin(angles), keras.ops.cos(angles)], axis=-1)


def encode(
    columns: list[keras.KerasTensor], name: str, encoder: PeriodicEncoder, num_ids: int | None
) -> keras.KerasTensor:
    """Returns a dense ReLU layer on the waves and, if the feature has one, its missing indicator: `(batch, units)`."""
    value, *missing = columns
    seen = Periodic(encoder.frequencies, encoder.sigma, name=f"{name}_periodic")(value)
    if missing:
        seen = keras.ops.concatenate([seen, plain.encode(missing, name, encoder, num_ids)], axis=-1)
    return keras.layers.Dense(encoder.units, "relu", name=f"{name}_dense")(seen)
