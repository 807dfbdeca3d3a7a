"""Tells the balancer how an epoch went."""

from __future__ import annotations

from typing import Any

import keras


class EpochEnd(keras.callbacks.Callback):
    """Passes every head's mean loss over its labelled rows to the model's balancer.

    Belongs before callbacks that save the model or write logs: they save what the balancer has learnt, and see no
    weights of heads on `eval`, where nothing is balanced.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Passes the losses on."""
        balancer, logs = self.model.balancer, {} if logs is None else logs
        balancer.on_epoch_end({head: logs[f"{head}_loss"] for head in balancer.heads})
        for head in balancer.heads:
            logs.pop(f"val_{head}_weight", None)
