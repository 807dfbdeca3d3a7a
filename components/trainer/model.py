"""The multi-output Functional model: encoders, concatenated, a trunk, and one head per output."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

import keras
import numpy as np

from components.trainer.balancing import BALANCING
from components.trainer.encoders import ENCODERS
from components.trainer.losses import LOSSES, RowLoss
from components.trainer.trunks import TRUNKS
from components.trainer.trunks.dense import stack
from schema.task import TaskSpec


class MultiHeadModel(keras.Model):
    """A Functional model whose outputs are the heads' logits, trained on labelled rows only.

    Keras matches losses to outputs by position when names disagree (keras#20596) and divides by masked rows too
    (keras PR #20410); here every head is looked up by name, and a head's loss is a mean over its labelled rows.

    Args:
        inputs: Model inputs.
        outputs: Logits by head, `(batch, num_classes)`.
        losses: Loss per row, by head.
        weights: Weight of every head's loss in the total.
    """

    def __init__(self, inputs: Any, outputs: Any, losses: Mapping[str, RowLoss], weights: Mapping[str, float]):
        super().__init__(inputs=inputs, outputs=outputs)
        self._row_losses = dict(losses)
        self._loss_weights = dict(weights)
        self._head_losses = {head: keras.metrics.Mean(name=f"{head}_loss") for head in losses}
        self._head_accuracies = {head: keras.metrics.Mean(name=f"{head}_accuracy") for head in losses}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Returns sum_i weight_i L_i, and follows every L_i and the accuracy over labelled rows.

        Args:
            x: Not used.
            y: Class index by head, int64 `(batch,)`.
            y_pred: Logits by head, float32 `(batch, num_classes)`.
            sample_weight: Class weight by head, 0 where the label is missing, float32 `(batch,)`.
            training: Not used.
        """
        total = keras.ops.zeros(())
        for head, row_loss in self._row_losses.items():
            labels, logits, weights = y[head], y_pred[head], sample_weight[head]
            mask = keras.ops.cast(weights > 0, "float32")
            loss = labelled_mean(row_loss(labels, logits), weights, mask)
            total = total + self._loss_weights[head] * loss
            correct = keras.ops.cast(keras.ops.argmax(logits, axis=-1) == keras.ops.cast(labels, "int32"), "float32")
            self._head_losses[head].update_state(loss, sample_weight=keras.ops.sum(mask))
            self._head_accuracies[head].update_state(correct, sample_weight=mask)
        return total

    def get_metrics_result(self) -> dict[str, Any]:
        """Returns the metrics so far, with the loss as the weighted sum of the heads' means over labelled rows.

        Keras would average the totals of batches, in which a head without a labelled row counts as 0.
        """
        results = super().get_metrics_result()
        results["loss"] = sum(weight * results[f"{head}_loss"] for head, weight in self._loss_weights.items())
        return results


def labelled_mean(values: Any, weights: Any, mask: Any) -> Any:
    """Returns sum(weights * values) / sum(mask), and 0 for a batch without a labelled row.

    The divisor counts rows, not weights: class weights average 1 over the training rows, so a batch that happens to
    hold no rare class is not scaled up.

    Args:
        values: Loss per row, `(batch,)`.
        weights: Weight per row, 0 where masked, `(batch,)`.
        mask: 1.0 for labelled rows, `(batch,)`.
    """
    return keras.ops.sum(weights * values) / keras.ops.maximum(keras.ops.sum(mask), 1.0)


def build_model(task: TaskSpec, num_ids: Mapping[str, int], label_counts: Mapping[str, np.ndarray]) -> MultiHeadModel:
    """Builds the model that a task describes.

    Args:
        task: Features, trunk, heads.
        num_ids: Number of ids of every categorical feature.
        label_counts: Labelled training rows by head and class, `(num_classes,)`.
    """
    inputs = {name: ENCODERS[feature.type].inputs(name, feature) for name, feature in task.features.items()}

    def encode(prefix: str) -> keras.KerasTensor:
        encoded = [
            ENCODERS[feature.type].encode(inputs[name], f"{prefix}{name}", feature, num_ids.get(name))
            for name, feature in task.features.items()
        ]
        return encoded[0] if len(encoded) == 1 else keras.layers.Concatenate(name=f"{prefix}fused")(encoded)

    trunks = TRUNKS[task.trunk.type](encode, task.trunk, task.heads)
    # Laplace's rule keeps the prior of a class without rows above zero.
    priors = {head: (counts + 1) / (counts.sum() + len(counts)) for head, counts in label_counts.items()}
    outputs = _heads(task, trunks, priors)
    return MultiHeadModel(
        {column.name: column for columns in inputs.values() for column in columns},
        {head: outputs[head] for head in task.heads},
        {head: LOSSES[spec.loss.type](spec.loss, priors[head]) for head, spec in task.heads.items()},
        BALANCING[task.training.balancing.type]({h: spec.loss.weight for h, spec in task.heads.items()}, priors),
    )


def _heads(
    task: TaskSpec, trunks: Mapping[str, keras.KerasTensor], priors: Mapping[str, np.ndarray]
) -> dict[str, keras.KerasTensor]:
    """Returns logits by head: own hidden layers on the trunk and on the hidden layers of the heads it depends on."""
    hidden: dict[str, keras.KerasTensor] = {}
    logits: dict[str, keras.KerasTensor] = {}
    for head in TopologicalSorter({head: spec.depends_on for head, spec in task.heads.items()}).static_order():
        spec = task.heads[head]
        seen = [trunks[head], *(hidden[other] for other in spec.depends_on)]
        state = seen[0] if len(seen) == 1 else keras.layers.Concatenate(name=f"{head}_sees")(seen)
        hidden[head] = stack(state, spec.units, 0.0, f"{head}_hidden")
        # Starts as the best constant prediction: a rare class does not spend the first epochs learning that it is rare.
        logits[head] = keras.layers.Dense(
            len(priors[head]),
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(np.log(priors[head])),
            name=head,
        )(hidden[head])
    return logits
