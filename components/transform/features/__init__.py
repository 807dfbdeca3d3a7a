"""One file per feature type; a new type is one file and one line here."""

from collections.abc import Callable
from typing import Any

from components.transform.features import categorical, image, numeric, text

TRANSFORMS: dict[str, Callable[..., dict[str, Any]]] = {
    "numeric": numeric.transform,
    "categorical": categorical.transform,
    "text": text.transform,
    "image": image.transform,
}
