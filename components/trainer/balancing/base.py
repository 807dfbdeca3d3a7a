"""What a way of balancing has to say; `MultiHeadModel.train_step` asks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras


class Balancer:
    """Turns the losses of the heads into one step.

    Losses arrive scaled, l_i = w_i L_i / H_i, as a vector `(num_heads,)` in the order of the heads, beside a mask that
    is 0 for a head without a labelled row in the batch: its loss is 0, and it must neither be updated nor counted.

    Args:
        spec: `training.balancing` of the task.
        heads: Names of the heads.
    """

    # Whether `gradients` needs a tape that can be asked for every head.
    per_head_gradients = False

    def __init__(self, spec: Any, heads: Sequence[str]):
        self.spec = spec
        self.heads = tuple(heads)

    def variables(self) -> list[keras.Variable]:
        """Returns what is kept between steps, for the model to track and save."""
        return []

    def weights(self) -> Any:
        """Returns the weight of every head's scaled loss, `(num_heads,)`, for TensorBoard."""
        return keras.ops.ones((len(self.heads),))

    def total(self, losses: Any, present: Any) -> Any:
        """Returns what is minimised, a scalar."""
        return keras.ops.sum(losses * present)

    def gradients(self, tape: Any, total: Any, losses: Sequence[Any], present: Any, variables: list[Any]) -> list[Any]:
        """Returns the gradient of each variable; None where there is none."""
        return tape.gradient(total, variables)

    def after_step(self, before: Any, present: Any, again: Callable[[], Any]) -> None:
        """Learns from a step.

        Args:
            before: Losses that the step started from, `(num_heads,)`.
            present: Mask of the heads.
            again: Computes the losses of the same batch anew.
        """

    def on_epoch_end(self, losses: dict[str, float]) -> None:
        """Learns from an epoch's mean loss by head, over labelled rows."""
