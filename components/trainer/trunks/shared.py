"""Hard parameter sharing: one stack of dense layers under every head (Caruana 1997)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import keras

from components.trainer.trunks.dense import stack
from schema.trunks import SharedTrunk


def build(
    encode: Callable[[str], keras.KerasTensor], trunk: SharedTrunk, heads: Iterable[str]
) -> dict[str, keras.KerasTensor]:
    """Returns the same tensor for all heads."""
    return dict.fromkeys(heads, stack(encode(""), trunk.units, trunk.dropout, "trunk"))
