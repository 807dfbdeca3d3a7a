"""Cross-entropy that asks for equal care for every class, however rare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from schema.heads import LogitAdjusted


def row_loss(loss: LogitAdjusted, prior: np.ndarray) -> Callable[[Any, Any], Any]:
    """Returns the cross-entropy of logits + tau log prior per row (Menon et al. 2021, arXiv 2007.07314, equation 10).

    The logits themselves, without the prior, then rank classes for the balanced error.

    Args:
        loss: Its `tau`.
        prior: Class shares of the training rows, all positive, `(..., num_classes)`.
    """
    offset = (loss.tau * np.log(prior)).astype("float32")

    def per_row(labels: Any, logits: Any) -> Any:
        return keras.ops.sparse_categorical_crossentropy(labels, logits + offset, from_logits=True)

    return per_row


def posterior(loss: LogitAdjusted, prior: np.ndarray) -> Callable[[Any], Any]:
    """Returns log p + tau log prior, which is what the loss fits to the labels.

    Args:
        loss: Its `tau`.
        prior: Class shares of the training rows, `(..., num_classes)`.
    """
    offset = (loss.tau * np.log(prior)).astype("float32")
    return lambda log_p: log_p + offset
