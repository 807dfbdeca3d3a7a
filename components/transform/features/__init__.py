"""One file per feature type; a new type is one file and one line in each table here."""

from collections.abc import Callable
from typing import Any

from components.transform.analysis.accumulator import Accumulator
from components.transform.features import categorical, image, numeric, text

TRANSFORMS: dict[str, Callable[..., dict[str, Any]]] = {
    "numeric": numeric.transform,
    "categorical": categorical.transform,
    "text": text.transform,
    "image": image.transform,
}
# What is learnt of a feature from the training rows, before any is transformed.
ACCUMULATORS: dict[str, Callable[..., Accumulator | None]] = {
    "numeric": numeric.accumulator,
    "categorical": categorical.accumulator,
    "text": text.accumulator,
    "image": image.accumulator,
}
