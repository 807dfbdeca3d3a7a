"""One file per way to turn a feature into numbers; a new one is one file and one line here."""

from collections.abc import Callable
from typing import Any, NamedTuple

from components.trainer.encoders import (
    application,
    bag,
    cnn,
    embedding,
    lstm,
    periodic,
    piecewise_linear,
    pixels,
    plain,
    tokens,
)
from schema.features import ApplicationEncoder, CategoricalFeature, Feature


class Encoder(NamedTuple):
    """A way to encode a feature.

    Attributes:
        inputs: Of a feature's name and the feature, its model inputs.
        encode: Of these inputs, a name for the layers, the feature's `encoder` (of a category, which has but one, the
            feature itself) and the number of ids (None for features without ids), the encoding, `(batch, width)`.
    """

    inputs: Callable[..., list[Any]]
    encode: Callable[..., Any]


ENCODERS = {
    "plain": Encoder(plain.inputs, plain.encode),
    "piecewise_linear": Encoder(piecewise_linear.inputs, piecewise_linear.encode),
    "periodic": Encoder(plain.inputs, periodic.encode),
    "embedding": Encoder(embedding.inputs, embedding.encode),
    "lstm": Encoder(tokens.inputs, lstm.encode),
    "bag": Encoder(tokens.inputs, bag.encode),
    "cnn": Encoder(pixels.inputs, cnn.encode),
    "application": Encoder(pixels.inputs, application.encode),
}


def inputs(name: str, feature: Feature) -> list[Any]:
    """Returns the model inputs of a feature, as `schema.names` calls and shapes them."""
    return _encoder(feature).inputs(name, feature)


def encode(columns: list[Any], name: str, feature: Feature, num_ids: int | None) -> Any:
    """Encodes a feature with layers that are new at each call.

    Args:
        columns: What `inputs` returned.
        name: That the layers' names begin with.
        feature: What kind of column, and how to encode it.
        num_ids: Of a category or a text.

    Returns:
        `(batch, width)`.

    Raises:
        DataError: Weights that the encoder starts from cannot be had.
    """
    settings = feature if isinstance(feature, CategoricalFeature) else feature.encoder
    return _encoder(feature).encode(columns, name, settings, num_ids)


def _encoder(feature: Feature) -> Encoder:
    if isinstance(feature, CategoricalFeature):
        return ENCODERS["embedding"]
    is_application = isinstance(feature.encoder, ApplicationEncoder)
    return ENCODERS["application" if is_application else feature.encoder.type]
