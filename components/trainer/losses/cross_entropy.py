"""-log p of the true class, with label smoothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from schema.heads import CrossEntropy


def row_loss(loss: CrossEntropy, prior: np.ndarray) -> Callable[[Any, Any], Any]:
    """Returns the loss of every row, float32 `(batch,)`, as a function of labels and logits.

    With smoothing e the target is (1 - e) for the true class and e / num_classes for every class (Szegedy et al. 2016,
    section 7). Class weights are the weights of rows, not part of the loss: the often copied
    `categorical_crossentropy(y, p) * weights` multiplies a vector over rows by one over classes.

    Args:
        loss: Its `label_smoothing`.
        prior: Not used.
    """

    def per_row(labels: Any, logits: Any) -> Any:
        log_p = keras.ops.log_softmax(logits, axis=-1)
        true = keras.ops.one_hot(labels, keras.ops.shape(logits)[-1], dtype=log_p.dtype)
        target = (1 - loss.label_smoothing) * true + loss.label_smoothing / logits.shape[-1]
        return -keras.ops.sum(target * log_p, axis=-1)

    return per_row


def posterior(loss: CrossEntropy, prior: np.ndarray) -> Callable[[Any], Any]:
    """Returns the identity: cross-entropy is proper; what smoothing flattens is left to the temperature."""
    return lambda log_p: log_p
