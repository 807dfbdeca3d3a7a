"""Whatever is no number, such as a histogram, through TFMA's results: it keeps bytes, and compares them with nothing.

Arrays it would subtract from those of a baseline, whatever their shapes.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any


def pack(value: Any) -> bytes:
    """Returns plain data as the value of a metric; small also where most of it is 0."""
    return zlib.compress(json.dumps(value, allow_nan=False).encode())


def unpack(text: str) -> Any:
    """Returns plain data from what TFMA's JSON has for the bytes of `pack`."""
    return json.loads(zlib.decompress(base64.b64decode(text)))
