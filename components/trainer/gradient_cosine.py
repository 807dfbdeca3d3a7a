"""Do the heads pull in the same direction? Followed once per epoch."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import tensorflow as tf

from components.trainer.balancing.per_head import dot_products, gradients_by_variable, matrix


class GradientCosine(keras.callbacks.Callback):
    """Adds `cosine/HEAD_A/HEAD_B` to the epoch's logs: of the two gradients of the weights that both heads reach.

    Gradients are of the scaled losses, of one and the same training batch in every epoch, without dropout. A pair that
    shares no weight, or of which one has no labelled row in the batch, has no cosine.

    Belongs before the callbacks that write logs.

    Args:
        batches: Training batches; the first is taken.
    """

    def __init__(self, batches: tf.data.Dataset):
        super().__init__()
        self._batches = batches
        self._batch: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Takes the batch."""
        self._batch = next(iter(self._batches))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds the cosines to the logs."""
        if logs is not None:
            logs.update(cosines(self.model, self._batch))


def cosines(model: Any, batch: Any) -> dict[str, float]:
    """Returns the cosine between two heads' gradients, by `cosine/HEAD_A/HEAD_B`.

    Args:
        model: A `MultiHeadModel`.
        batch: Features, labels and weights.
    """
    x, y, sample_weight = batch
    with tf.GradientTape(persistent=True) as tape:
        losses, _ = model.head_losses(y, model(x, training=False), sample_weight)
    by_variable = gradients_by_variable(tape, losses, model.trainable_variables)
    found = {}
    for (i, a), (j, b) in itertools.combinations(enumerate(model.balancer.heads), 2):
        pairs = [(of_heads[i], of_heads[j]) for of_heads in by_variable]
        common = [matrix(pair) for pair in pairs if None not in pair]
        if not common:
            continue
        (aa, ab), (_, bb) = keras.ops.convert_to_numpy(dot_products(common))
        if aa > 0 and bb > 0:
            found[f"cosine/{a}/{b}"] = float(ab / (aa * bb) ** 0.5)
    return found
