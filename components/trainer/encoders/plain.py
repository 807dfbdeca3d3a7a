"""A number as it is, beside its missing indicator."""

from __future__ import annotations

import keras

from schema import names
from schema.task import NumericFeature


def encode(
    name: str, feature: NumericFeature, num_ids: int | None
) -> tuple[list[keras.KerasTensor], keras.KerasTensor]:
    """Returns the model inputs of a feature and its encoding.

    Output shape: `(batch, 1)`, or `(batch, 2)` with a missing indicator.
    """
    columns = [names.transformed(name)] + ([names.missing(name)] if feature.missing_indicator else [])
    inputs = [keras.Input(shape=(), name=column, dtype="float32") for column in columns]
    return inputs, keras.ops.stack(inputs, axis=-1)
