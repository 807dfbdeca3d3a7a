"""Cross-entropy that cares less for rows that are right already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from schema.heads import Focal


def row_loss(loss: Focal, prior: np.ndarray) -> Callable[[Any, Any], Any]:
    """Returns -(1 - p)^gamma log p of the true class per row (Lin et al. 2017, arXiv 1708.02002, equation 4).

    alpha of the paper is `class_weights`. gamma = 0 is cross-entropy.

    Args:
        loss: Its `gamma`.
        prior: Not used.
    """

    def per_row(labels: Any, logits: Any) -> Any:
        cross_entropy = keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        # expm1 keeps 1 - p exact, and its power differentiable, where p is nearly 1.
        wrong = keras.ops.maximum(-keras.ops.expm1(-cross_entropy), keras.config.epsilon())
        return keras.ops.power(wrong, loss.gamma) * cross_entropy

    return per_row


def posterior(loss: Focal, prior: np.ndarray) -> Callable[[Any], Any]:
    """Returns log h(q), h(q) = q / ((1 - q)^gamma - gamma (1 - q)^(gamma - 1) q log q), of log q.

    Focal loss is classification-calibrated but not proper: its minimiser q is flatter than the class probabilities,
    which are h(q) up to a factor (Charoenphakdee et al. 2021, arXiv 2011.09172, theorem 11).

    Args:
        loss: Its `gamma`.
        prior: Not used.
    """
    gamma = loss.gamma

    def unflatten(log_p: Any) -> Any:
        p = keras.ops.exp(log_p)
        log_wrong = keras.ops.log(keras.ops.maximum(-keras.ops.expm1(log_p), keras.config.epsilon()))
        # (1 - q)^(gamma - 1) in front, so that nothing is divided by a power of 0.
        return log_p - (gamma - 1) * log_wrong - keras.ops.log(keras.ops.exp(log_wrong) - gamma * p * log_p)

    return unflatten
