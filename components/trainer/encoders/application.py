"""An image through a model of keras.applications."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras

from schema.applications import APPLICATIONS
from schema.errors import DataError
from schema.features import ApplicationEncoder


def encode(
    columns: list[keras.KerasTensor], name: str, encoder: ApplicationEncoder, num_ids: int | None
) -> keras.KerasTensor:
    """Returns the mean over the last feature map, `(batch, filters of the model)`.

    Where the weights are not trained, its dropout is off and batch normalisation keeps its statistics.

    Raises:
        DataError: The weights cannot be downloaded or read, or are those of another model.
    """
    application = APPLICATIONS[encoder.type]
    model = _build(columns[0].shape[1:], name, encoder)
    model.trainable = encoder.trainable
    module = getattr(keras.applications, application.module)
    scaled = module.preprocess_input(keras.ops.cast(columns[0], "float32"))
    return model(scaled) if encoder.trainable else model(scaled, training=False)


def _build(shape: tuple[int, int, int], name: str, encoder: ApplicationEncoder) -> keras.Model:
    make = getattr(keras.applications, APPLICATIONS[encoder.type].class_name)
    own = f"{name}_{encoder.type}"
    # The scope tells the variables of two models of one kind apart: Keras gives the layers the same names in each.
    with keras.name_scope(own):
        make = functools.partial(make, include_top=False, pooling="avg", input_shape=shape, name=own)
        return _downloaded(make, name, encoder) if encoder.weights == "imagenet" else _read(make, name, encoder)


def _downloaded(make: Callable[..., keras.Model], name: str, encoder: ApplicationEncoder) -> keras.Model:
    try:
        return make(weights="imagenet")
    except Exception as error:  # Keras wraps whatever went wrong on the network in a bare Exception.
        raise DataError(
            f"{name}: the imagenet weights of {encoder.type} cannot be downloaded ({_first_line(error)}); without a "
            "network give their file (weights: PATH), or train from scratch (weights: none, trainable: true)"
        ) from error


def _read(make: Callable[..., keras.Model], name: str, encoder: ApplicationEncoder) -> keras.Model:
    model = make(weights=None)
    if encoder.weights == "none":
        return model
    try:
        model.load_weights(encoder.weights)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{name}: {encoder.weights} does not hold weights of {encoder.type} without its top "
            f"({_first_line(error)}); give a .weights.h5 or .h5 file of this very model, made with include_top=False"
        ) from error
    return model


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
