"""Progressive layered extraction (Tang et al. 2020, RecSys, section 4.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import keras

from components.trainer.trunks.dense import mixture, stack
from schema.trunks import PleTrunk


def build(
    encode: Callable[[str], keras.KerasTensor], trunk: PleTrunk, heads: Iterable[str]
) -> dict[str, keras.KerasTensor]:
    """Returns what every head sees after one level of extraction per entry of `units`.

    On a level every head mixes its own experts and the shared ones, by a gate on what it saw before. Below the last
    level a shared gate mixes all experts for the next level's shared ones.
    """
    encoded = encode("")
    heads = list(heads)
    state, common = dict.fromkeys(heads, encoded), encoded
    for level, units in enumerate(trunk.units):
        at = f"level_{level}"
        shared = _experts(common, trunk.shared_experts, units, trunk.dropout, f"{at}_shared")
        own = {head: _experts(state[head], trunk.own_experts, units, trunk.dropout, f"{head}_{at}") for head in heads}
        before = state
        state = {head: mixture([*own[head], *shared], before[head], f"{head}_{at}_gate") for head in heads}
        if level < len(trunk.units) - 1:
            everyone = [expert for head in heads for expert in own[head]]
            common = mixture([*everyone, *shared], common, f"{at}_shared_gate")
    return state


def _experts(seen: keras.KerasTensor, count: int, units: int, dropout: float, name: str) -> list[keras.KerasTensor]:
    return [stack(seen, [units], dropout, f"{name}_expert_{i}") for i in range(count)]
