"""One value of a request: from JSON to what the model takes.

NaN counts as a missing number, as in the signature; infinity, which no model answers sensibly, is refused.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
from typing import Any

import numpy as np

from components.exported import MISSING, NUMPY_TYPES
from schema import names

B64 = "b64"
_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_LARGEST_INT = 2**63 - 1
_MAX_SHOWN = 40  # Characters of a value in a message.


@dataclasses.dataclass(frozen=True)
class Input:
    """What a signature takes under one name.

    Attributes:
        dtype: `INT`, `FLOAT` or `BYTES`, as in schema.pbtxt.
        is_image: Whether the bytes are an encoded image.
        is_optional: Whether a row may have no value.
    """

    dtype: str
    is_image: bool = False
    is_optional: bool = True

    @property
    def allowed(self) -> str:
        """What a value may be, in words."""
        binary = f'{{"{B64}": text}}'
        kind = {
            "INT": "a whole number of 64 bits",
            "FLOAT": f"a number up to {_LARGEST_FLOAT:.4g}",
            "BYTES": binary if self.is_image or not self.is_optional else f"text or {binary}",
        }[self.dtype]
        return f"{kind}, or null if it is missing" if self.is_optional else kind

    def missing(self, num_rows: int) -> np.ndarray:
        """Returns `(num_rows,)` missing values."""
        return np.full(num_rows, MISSING[self.dtype], NUMPY_TYPES[self.dtype])

    def array(self, values: list[Any]) -> np.ndarray:
        """Returns values that `convert` gave: int64, float32 or bytes in an object array, `(rows,)`."""
        return np.array(values, NUMPY_TYPES[self.dtype])

    def convert(self, value: Any) -> int | float | bytes:
        """Returns one value as the model takes it.

        Args:
            value: As json.loads gives it.

        Raises:
            ValueError: It is none; the message is the end of a sentence, with what was got and what is allowed.
        """
        if value is None and self.is_optional:
            return MISSING[self.dtype]
        converted = {"INT": _whole, "FLOAT": _number, "BYTES": _bytes}[self.dtype](value)
        # Text is never an image; the model would say so, but not how to mend it.
        if converted is None or (self.is_image and isinstance(value, str) and value):
            raise ValueError(f"got {shown(value)}; allowed: {self.allowed}")
        return converted


def is_binary(value: Any) -> bool:
    """Returns whether a value is TensorFlow Serving's way of writing bytes in JSON."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(B64), str)


def shown(value: Any) -> str:
    """Returns a value for a message: what it is and, if it is no list or object, how it begins."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f'{{"{B64}": text}}' if is_binary(value) else "an object"
    short = quoted(value)
    if value is None or isinstance(value, bool):
        return short
    return f"text {short}" if isinstance(value, str) else f"number {short}"


def quoted(value: Any) -> str:
    """Returns how a value's JSON begins: ASCII, so that it can stand in any message."""
    text = json.dumps(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _whole(value: Any) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and names.MISSING_INT <= value <= _LARGEST_INT else None


def _number(value: Any) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return None if abs(value) > _LARGEST_FLOAT else float(value)


def _bytes(value: Any) -> bytes | None:
    if is_binary(value):
        # As TensorFlow Serving decodes it: broken into lines, or without the padding at the end, it is right too.
        encoded = "".join(value[B64].split())
        try:
            return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f'got a "{B64}" that is not base64') from None
    if not isinstance(value, str):
        return None
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"got {shown(value)}, which is not Unicode") from None
