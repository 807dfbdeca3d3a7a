"""What makes heads comparable before anything balances them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# A head with (nearly) one class has no entropy to scale by: bounds the factor to 1 / 0.01.
MIN_ENTROPY = 0.01


def scales(task_weights: Mapping[str, float], priors: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Returns w_i / H_i per head.

    H_i, in nats, is the entropy of the head's class shares in the training rows, which is the loss of the best constant
    prediction. Without it cross-entropy favours heads with many or even classes.

    Args:
        task_weights: `loss.weight` per head.
        priors: Class shares per head, `(num_classes,)`, or of every tag, `(num_tags, 2)`.
    """
    return {head: weight / max(entropy(priors[head]), MIN_ENTROPY) for head, weight in task_weights.items()}


def entropy(shares: np.ndarray) -> float:
    """Returns -sum p log p in nats, over the last axis; of tags the mean, as their loss is a mean."""
    logs = np.log(shares, out=np.zeros_like(shares, dtype=float), where=shares > 0)
    return float(-(shares * logs).sum(axis=-1).mean())
