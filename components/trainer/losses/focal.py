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
