"""What a step needs to know of the other replicas under a `tf.distribute` strategy."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def over_replicas(values: Any) -> Any:
    """Returns the sums over all replicas; the values themselves where there is one.

    Args:
        values: Tensors, in any structure, of the same shapes on every replica.
    """
    context = tf.distribute.get_replica_context()
    # No context: called from outside a step, which no replica shares.
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)
