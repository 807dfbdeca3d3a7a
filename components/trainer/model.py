"""The multi-output Functional model: encoders, concatenated, a trunk, and one head per output."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.trainer import encoders
from components.trainer.balancing import BALANCING
from components.trainer.balancing.base import Balancer
from components.trainer.balancing.replicas import over_replicas
from components.trainer.balancing.scale import scales
from components.trainer.logits import log_probabilities, over_members, per_tag
from components.trainer.losses import LOSSES, RowLoss
from components.trainer.trunks import TRUNKS
from components.trainer.trunks.dense import stack
from components.trainer.trunks.members import Members, Output
from schema.heads import Head, MultilabelHead
from schema.task import TaskSpec
from schema.trunks import Trunk


class MultiHeadModel(keras.Model):
    """A Functional model whose outputs are the heads' logits, trained on labelled rows only.

    Keras matches losses to outputs by position when names disagree (keras#20596) and divides by masked rows too
    (keras PR #20410); here every head is looked up by name, and a head's loss is a mean over its labelled rows.

    Args:
        inputs: Model inputs.
        outputs: Logits by head, as `components.trainer.logits` says.
        losses: Loss per row, by head.
        loss_scales: w_i / H_i of every head.
        balancer: How the losses become a step.
        members: Models in one, whose probabilities are averaged.
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        losses: Mapping[str, RowLoss],
        loss_scales: Mapping[str, float],
        balancer: Balancer,
        members: int = 1,
    ):
        super().__init__(inputs=inputs, outputs=outputs)
        self.members = members
        self.balancer = balancer
        self._balancing_state = balancer.variables()
        self._row_losses = dict(losses)
        self._scales = dict(loss_scales)
        self._head_losses = {head: keras.metrics.Mean(name=f"{head}_loss") for head in losses}
        self._head_accuracies = {head: keras.metrics.Mean(name=f"{head}_accuracy") for head in losses}
        self._head_weights = {head: keras.metrics.Mean(name=f"{head}_weight") for head in losses}

    def head_losses(self, y: Any, y_pred: Any, sample_weight: Any) -> tuple[list[Any], Any]:
        """Returns l_i = w_i L_i / H_i, a scalar per head, and the number of labelled rows, `(num_heads,)`.

        Under a strategy each l_i is what this replica's rows add to the mean over the rows of all replicas, which are
        the rows counted: replicas' losses, and their gradients, add up to those of one device.

        Args:
            y: Class index int64 `(batch,)`, or of tags 0 or 1 `(batch, num_tags)`, by head.
            y_pred: Logits by head.
            sample_weight: Class weight by head, 0 where the label is missing, float32 in the shape of the labels.
        """
        means, rows = [], []
        for head, row_loss in self._row_losses.items():
            logits, weights = y_pred[head], sample_weight[head]
            values = row_loss(over_members(y[head], logits), logits)
            if self.members > 1:
                values = keras.ops.mean(values, axis=1)
            mask = labelled_rows(weights)
            means.append(self._scales[head] * labelled_mean(values, weights, mask))
            rows.append(keras.ops.sum(mask))
        own = keras.ops.stack(rows)
        everywhere = over_replicas(own)
        shares = keras.ops.unstack(own / keras.ops.maximum(everywhere, 1.0), len(means))
        return [share * mean for share, mean in zip(shares, means, strict=True)], everywhere

    def train_step(self, data: Any) -> dict[str, Any]:
        """Takes one step on a batch of (features, labels, weights), as the balancer says."""
        x, y, sample_weight = data
        with tf.GradientTape(persistent=self.balancer.per_head_gradients) as tape:
            y_pred = self(x, training=True)
            shares, rows = self.head_losses(y, y_pred, sample_weight)
        losses = over_replicas(keras.ops.stack(shares))
        present = keras.ops.cast(rows > 0, "float32")
        variables = self.trainable_variables
        gradients, weights = self.balancer.gradients(tape, shares, losses, present, variables)
        self.optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))

        def again() -> Any:
            return over_replicas(keras.ops.stack(self.head_losses(y, self(x, training=True), sample_weight)[0]))

        self.balancer.after_step(losses, present, again)
        for i, metric in enumerate(self._head_weights.values()):
            metric.update_state(weights[i], sample_weight=present[i])
        self._follow(y, y_pred, sample_weight, losses, rows)
        return self.get_metrics_result()

    def test_step(self, data: Any) -> dict[str, Any]:
        """Follows losses and accuracies of a batch."""
        x, y, sample_weight = data
        y_pred = self(x, training=False)
        shares, rows = self.head_losses(y, y_pred, sample_weight)
        self._follow(y, y_pred, sample_weight, over_replicas(keras.ops.stack(shares)), rows)
        return self.get_metrics_result()

    def _follow(self, y: Any, y_pred: Any, sample_weight: Any, losses: Any, rows: Any) -> None:
        """Adds a batch to the metrics.

        Args:
            y: Labels by head.
            y_pred: Logits by head.
            sample_weight: Class weights by head.
            losses: l_i over the rows of all replicas, `(num_heads,)`.
            rows: Labelled rows of all replicas, `(num_heads,)`.
        """
        for i, head in enumerate(self._row_losses):
            self._head_losses[head].update_state(losses[i] / self._scales[head], sample_weight=rows[i])
            decided = keras.ops.argmax(log_probabilities(y_pred[head], self.members), axis=-1)
            correct = keras.ops.cast(decided == keras.ops.cast(y[head], "int32"), "float32")
            mask = keras.ops.cast(sample_weight[head] > 0, "float32")
            self._head_accuracies[head].update_state(correct, sample_weight=mask)

    def get_metrics_result(self) -> dict[str, Any]:
        """Returns the metrics so far, with the loss as the sum of the heads' means over labelled rows, scaled.

        Keras would average the totals of batches, in which a head without a labelled row counts as 0. This loss means
        the same whatever the balancer does, which early stopping relies on.
        """
        results = super().get_metrics_result()
        results["loss"] = sum(scale * results[f"{head}_loss"] for head, scale in self._scales.items())
        return results


def labelled_rows(weights: Any) -> Any:
    """Returns 1.0 for rows with a weight above 0, float32 `(batch,)`, of weights `(batch,)` or `(batch, num_tags)`."""
    is_labelled = weights > 0
    return keras.ops.cast(keras.ops.any(is_labelled, axis=-1) if len(weights.shape) > 1 else is_labelled, "float32")


def labelled_mean(values: Any, weights: Any, mask: Any) -> Any:
    """Returns sum(weights * values) / sum(mask), and 0 for a batch without a labelled row.

    The divisor counts rows, not weights: class weights average 1 over the training rows, so a batch that happens to
    hold no rare class is not scaled up.

    Args:
        values: Loss per row, `(batch,)`, or per tag, `(batch, num_tags)`, of which a row's loss is the mean.
        weights: In the shape of the values, 0 where masked.
        mask: 1.0 for labelled rows, `(batch,)`.
    """
    weighted = weights * values
    if len(weighted.shape) > 1:
        weighted = keras.ops.mean(weighted, axis=-1)
    return keras.ops.sum(weighted) / keras.ops.maximum(keras.ops.sum(mask), 1.0)


def class_shares(counts: np.ndarray) -> np.ndarray:
    """Returns shares of classes by Laplace's rule, which keeps that of a class without rows above zero.

    Args:
        counts: Rows by class, `(..., num_classes)`.
    """
    return (counts + 1) / (counts.sum(axis=-1, keepdims=True) + counts.shape[-1])


def build_model(task: TaskSpec, num_ids: Mapping[str, int], label_counts: Mapping[str, np.ndarray]) -> MultiHeadModel:
    """Builds the model that a task describes.

    Args:
        task: Features, trunk, heads.
        num_ids: Number of ids of every categorical and text feature.
        label_counts: Labelled training rows by head and class, `(num_classes,)` or `(num_tags, 2)`.
    """
    inputs = {name: encoders.inputs(name, feature) for name, feature in task.features.items()}

    def encode(prefix: str) -> keras.KerasTensor:
        encoded = [
            _dropped(encoders.encode(inputs[name], f"{prefix}{name}", feature, num_ids.get(name)), task.trunk)
            for name, feature in task.features.items()
        ]
        fused = encoded[0] if len(encoded) == 1 else keras.layers.Concatenate(name=f"{prefix}fused")(encoded)
        return Members(task.trunk.members, name=f"{prefix}members")(fused) if task.trunk.members > 1 else fused

    trunks = TRUNKS[task.trunk.type](encode, task.trunk, task.heads)
    priors = {head: class_shares(counts) for head, counts in label_counts.items()}
    outputs = _heads(task, trunks, priors)
    return MultiHeadModel(
        {column.name: column for columns in inputs.values() for column in columns},
        {head: outputs[head] for head in task.heads},
        {head: LOSSES[spec.loss.type].row_loss(spec.loss, priors[head]) for head, spec in task.heads.items()},
        scales({head: spec.loss.weight for head, spec in task.heads.items()}, priors),
        BALANCING[task.training.balancing.type](task.training.balancing, tuple(task.heads)),
        task.trunk.members,
    )


def _dropped(encoded: keras.KerasTensor, trunk: Trunk) -> keras.KerasTensor:
    """Returns an encoded feature that is zeros for some rows of a training batch."""
    if not trunk.feature_dropout:
        return encoded
    return keras.layers.Dropout(trunk.feature_dropout, noise_shape=(None, 1))(encoded)


def _heads(
    task: TaskSpec, trunks: Mapping[str, keras.KerasTensor], priors: Mapping[str, np.ndarray]
) -> dict[str, keras.KerasTensor]:
    """Returns logits by head: own hidden layers on the trunk and on what it sees of the heads it depends on."""
    hidden: dict[str, keras.KerasTensor] = {}
    logits: dict[str, keras.KerasTensor] = {}
    order = TopologicalSorter({head: [other.head for other in spec.depends_on] for head, spec in task.heads.items()})
    for head in order.static_order():
        spec = task.heads[head]
        seen = [trunks[head]]
        for other in spec.depends_on:
            is_hidden = other.mode == "features"
            seen.append(hidden[other.head] if is_hidden else _probabilities(logits[other.head], task.heads[other.head]))
        state = seen[0] if len(seen) == 1 else keras.layers.Concatenate(name=f"{head}_sees")(seen)
        hidden[head] = stack(state, spec.units, 0.0, f"{head}_hidden")
        # Starts as the best constant prediction: a rare class does not spend the first epochs learning that it is rare.
        start = np.log(priors[head])
        is_multilabel = isinstance(spec, MultilabelHead)
        bias = start[:, 1] - start[:, 0] if is_multilabel else start
        output = Output(bias, name=head)(hidden[head])
        logits[head] = per_tag(output) if is_multilabel else output
    return logits


def _probabilities(logits: keras.KerasTensor, head: Head) -> keras.KerasTensor:
    """Returns what a head says, as an input for another through which no gradient flows."""
    probabilities = keras.ops.softmax(keras.ops.stop_gradient(logits), axis=-1)
    return probabilities[..., 1] if isinstance(head, MultilabelHead) else probabilities
