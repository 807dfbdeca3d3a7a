"""One file per way to turn a feature into numbers; a new one is one file and one line here."""

from collections.abc import Callable
from typing import Any, NamedTuple

from components.trainer.encoders import embedding, plain


class Encoder(NamedTuple):
    """A way to encode a feature.

    Attributes:
        inputs: Of a feature's name and specification, its model inputs, each `(batch,)`.
        encode: Of these inputs, a name for the layers, the specification and the number of ids (None for numbers), the
            encoding, `(batch, width)`; layers are new at each call.
    """

    inputs: Callable[..., list[Any]]
    encode: Callable[..., Any]


ENCODERS = {
    "numeric": Encoder(plain.inputs, plain.encode),
    "categorical": Encoder(embedding.inputs, embedding.encode),
}
