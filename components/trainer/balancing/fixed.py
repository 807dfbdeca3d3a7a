"""Constant weights, scaled so that every head starts at its own weight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# A head with (nearly) one class has no entropy to scale by: bounds the factor to 1 / 0.01.
MIN_ENTROPY = 0.01


def weights(task_weights: Mapping[str, float], priors: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Returns w_i / H_i per head: the total loss is sum_i w_i L_i / H_i.

    H_i, in nats, is the entropy of the head's class shares in the training rows, which is the loss of the best constant
    prediction. Without it cross-entropy favours heads with many or even classes.

    Args:
        task_weights: `loss.weight` per head.
        priors: Class shares per head, `(num_classes,)`.
    """
    return {head: weight / max(entropy(priors[head]), MIN_ENTROPY) for head, weight in task_weights.items()}


def entropy(shares: np.ndarray) -> float:
    """Returns -sum p log p in nats."""
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())
