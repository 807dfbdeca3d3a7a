"""A number as it is, beside its missing indicator."""

from __future__ import annotations

import keras

from schema import names
from schema.features import NumericEncoder, NumericFeature


def inputs(name: str, feature: NumericFeature) -> list[keras.KerasTensor]:
    """Returns the value and, if the feature has one, its missing indicator: float32, `(batch,)`."""
    columns = [names.transformed(name)] + ([names.missing(name)] if feature.missing_indicator else [])
    return [keras.Input(shape=(), name=column, dtype="float32") for column in columns]


def encode(
    columns: list[keras.KerasTensor], name: str, encoder: NumericEncoder, num_ids: int | None
) -> keras.KerasTensor:
    """Returns the inputs side by side: `(batch, 1)`, or `(batch, 2)` with a missing indicator."""
    return keras.ops.stack(columns, axis=-1)
