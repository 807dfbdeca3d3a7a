"""What the encoders of images have in common."""

from __future__ import annotations

import keras

from schema import names
from schema.features import ImageFeature


def inputs(name: str, feature: ImageFeature) -> list[keras.KerasTensor]:
    """Returns the decoded image: uint8, `(batch, height, width, channels)`."""
    return [keras.Input(shape=feature.shape, name=names.transformed(name), dtype="uint8")]
