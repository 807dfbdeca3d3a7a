"""Nothing shared: what the heads would reach as models of their own, to measure the others against."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import keras

from components.trainer.trunks.dense import stack
from schema.trunks import IndependentTrunk


def build(
    encode: Callable[[str], keras.KerasTensor], trunk: IndependentTrunk, heads: Iterable[str]
) -> dict[str, keras.KerasTensor]:
    """Returns for every head a stack over encoders of its own."""
    return {head: stack(encode(f"{head}_"), trunk.units, trunk.dropout, f"{head}_trunk") for head in heads}
