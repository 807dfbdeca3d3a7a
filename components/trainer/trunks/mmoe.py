"""Multi-gate mixture of experts (Ma et al. 2018, KDD, equations 6 and 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import keras

from components.trainer.trunks.dense import mixture, stack
from schema.trunks import MmoeTrunk


def build(
    encode: Callable[[str], keras.KerasTensor], trunk: MmoeTrunk, heads: Iterable[str]
) -> dict[str, keras.KerasTensor]:
    """Returns f_k = sum_e softmax(W_k x)_e expert_e(x) for every head k."""
    encoded = encode("")
    experts = [stack(encoded, trunk.units, trunk.dropout, f"expert_{i}") for i in range(trunk.experts)]
    return {head: mixture(experts, encoded, f"{head}_gate") for head in heads}
