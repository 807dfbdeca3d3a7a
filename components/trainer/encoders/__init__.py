"""One file per way to turn a feature into numbers; a new one is one file and one line here."""

from collections.abc import Callable
from typing import Any

from components.trainer.encoders import embedding, plain

ENCODERS: dict[str, Callable[..., tuple[list[Any], Any]]] = {
    "numeric": plain.encode,
    "categorical": embedding.encode,
}
