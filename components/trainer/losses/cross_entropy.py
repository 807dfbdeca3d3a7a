"""-log p of the true class."""

from __future__ import annotations

import keras


def per_row(labels: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the loss of every row, float32 `(batch,)`.

    Args:
        labels: True class, int64 `(batch,)`.
        logits: float32 `(batch, num_classes)`.
    """
    return keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
