"""What a way of balancing has to say; `MultiHeadModel.train_step` asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras


class Balancer:
    """Turns the losses of the heads into one step: sum_i weight_i gradient(l_i).

    Losses are scaled, l_i = w_i L_i / H_i, and come in the order of the heads, as do masks: 0.0 for a head without a
    labelled row in the batch. Its loss is 0, its gradient is 0, and what is kept for it must not move.

    Args:
        spec: `training.balancing` of the task.
        heads: Names of the heads.
    """

    # Whether `gradients` asks its tape once per head.
    per_head_gradients = False

    def __init__(self, spec: Any, heads: Sequence[str]):
        self.spec = spec
        self.heads = tuple(heads)

    def variables(self) -> list[keras.Variable]:
        """Returns what is kept between steps, for the model to track and save."""
        return []

    def weights(self, losses: Any, present: Any) -> Any:
        """Returns what multiplies each loss in this step, float32 `(num_heads,)`; no gradient flows through it.

        Args:
            losses: Over the rows of all replicas, `(num_heads,)`.
            present: Mask of the heads, `(num_heads,)`.
        """
        return keras.ops.ones((len(self.heads),))

    def gradients(
        self, tape: Any, shares: Sequence[Any], losses: Any, present: Any, variables: Sequence[Any]
    ) -> tuple[list[Any], Any]:
        """Returns the gradient of each variable, None where there is none, and the weights behind it, `(num_heads,)`.

        Args:
            tape: Has seen how the shares came about.
            shares: What this replica's rows add to each loss, scalars.
            losses: As in `weights`.
            present: As in `weights`.
            variables: To be trained.
        """
        weights = self.weights(losses, present)
        multipliers = keras.ops.unstack(weights, len(self.heads))
        return tape.gradient(shares, variables, output_gradients=multipliers), weights

    def after_step(self, losses: Any, present: Any, again: Callable[[], Any]) -> None:
        """Learns from a step.

        Args:
            losses: From which the step was taken, `(num_heads,)`.
            present: Mask of the heads, `(num_heads,)`.
            again: Computes the losses of the same batch anew: one more forward pass.
        """

    def on_epoch_end(self, losses: Mapping[str, float]) -> None:
        """Learns from an epoch.

        Args:
            losses: Mean of L_i over the epoch's labelled rows, in nats, by head; 0 without such a row.
        """


def state(name: str, num_heads: int, value: float = 0.0) -> keras.Variable:
    """Returns a variable for `Balancer.variables`, float32 `(num_heads,)`, that every replica sets to the same value.

    Args:
        name: Of the variable.
        num_heads: Its length.
        value: Its first value, for every head.
    """
    return keras.Variable(
        keras.ops.full((num_heads,), value),
        trainable=False,
        dtype="float32",
        aggregation="only_first_replica",
        name=f"balancing_{name}",
    )
