"""From logits to calibrated scores: what the loss did to probabilities is undone, then one temperature per head.

The whole of it, `Calibration`, is part of the exported model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import optimize

from components.trainer.logits import log_probabilities
from components.trainer.losses import LOSSES
from components.trainer.model import MultiHeadModel, class_shares, labelled_rows
from components.trainer.thresholds import fit_thresholds
from components.transform.labels import class_weights
from schema.heads import Head, MultilabelHead
from schema.task import TaskSpec

# Beyond these a temperature says that the eval rows are too few, not that the model is off.
_TEMPERATURES = (0.05, 20.0)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How a head answers.

    Attributes:
        head: As in the task.
        classes: Names of its classes or tags.
        prior: Shares of the training rows, `(num_classes,)` or `(num_tags, 2)`.
        log_weights: Log of the class weights, in the shape of the prior.
        temperature: Logits are divided by it.
        thresholds: `(num_classes,)` or `(num_tags,)`, as `components.trainer.thresholds` uses them.
    """

    head: Head
    classes: tuple[str, ...]
    prior: np.ndarray
    log_weights: np.ndarray
    temperature: float
    thresholds: np.ndarray

    @property
    def is_multilabel(self) -> bool:
        """Whether the classes are tags."""
        return isinstance(self.head, MultilabelHead)

    def scores(self, log_p: Any) -> Any:
        """Returns calibrated probabilities, `(batch, num_classes)` or `(batch, num_tags)`, of log-probabilities."""
        if self.head.calibration == "none":
            return self.uncalibrated(log_p)
        return self.uncalibrated(self.posterior(log_p) / self.temperature)

    def uncalibrated(self, log_p: Any) -> Any:
        """Returns probabilities as the model was trained to give them."""
        probabilities = keras.ops.softmax(log_p, axis=-1)
        return probabilities[..., 1] if self.is_multilabel else probabilities

    def posterior(self, log_p: Any) -> Any:
        """Returns logits of the class probabilities, in the shape of `log_p`, `(batch, num_classes or num_tags, 2)`.

        A loss that weighs class c by w_c fits w_c p_c / sum w p in place of p_c (prior correction); what else a loss
        does, it says itself.
        """
        loss = self.head.loss
        corrected = LOSSES[loss.type].posterior(loss, self.prior)(log_p)
        return corrected - self.log_weights.astype("float32")

    def decide(self, scores: Any) -> Any:
        """Returns the decided class index int32 `(batch,)`, or of tags booleans `(batch, num_tags)`."""
        thresholds = self.thresholds.astype("float32")
        if self.is_multilabel:
            return scores >= thresholds
        return keras.ops.argmax(scores / thresholds, axis=-1)


def fit(
    model: MultiHeadModel,
    task: TaskSpec,
    classes: Mapping[str, tuple[str, ...]],
    label_counts: Mapping[str, np.ndarray],
    eval_batches: tf.data.Dataset,
) -> dict[str, Calibration]:
    """Fits temperature and thresholds of every head on the labelled rows of `eval`.

    Args:
        model: The trained model.
        task: Its heads.
        classes: Class names by head.
        label_counts: Labelled training rows by head and class.
        eval_batches: As `dataset.batches` yields them.
    """
    log_p, labels, masks = _collect(model, eval_batches)
    calibrations = {}
    for name, head in task.heads.items():
        counts = tf.constant(label_counts[name])
        weights = class_weights(counts, head.loss.class_weights, tuple(classes[name])).numpy()
        prior = class_shares(label_counts[name])
        start = Calibration(head, tuple(classes[name]), prior, np.log(weights), 1.0, np.ones(len(classes[name])))
        temperature = 1.0
        if head.calibration == "temperature":
            logits = np.asarray(start.posterior(log_p[name]))
            temperature = fit_temperature(logits, labels[name], masks[name])
        fitted = dataclasses.replace(start, temperature=temperature)
        scores = np.asarray(fitted.scores(log_p[name]))
        thresholds = fit_thresholds(head, scores, labels[name], masks[name], prior)
        calibrations[name] = dataclasses.replace(fitted, thresholds=thresholds)
    return calibrations


def fit_temperature(logits: np.ndarray, labels: np.ndarray, mask: np.ndarray) -> float:
    """Returns the T > 0 that minimises the log loss of softmax(logits / T) over labelled rows (Guo et al. 2017).

    Args:
        logits: `(rows, num_classes)` or `(rows, num_tags, 2)`.
        labels: Class index, `(rows,)` or `(rows, num_tags)`.
        mask: 1 for labelled rows, `(rows,)`.
    """
    is_labelled = mask > 0
    z = logits[is_labelled].reshape(-1, logits.shape[-1]).astype(np.float64)
    z -= z.max(axis=1, keepdims=True)
    true = np.take_along_axis(z, labels[is_labelled].reshape(-1, 1), axis=1)[:, 0]

    def log_loss(log_temperature: float) -> float:
        beta = np.exp(-log_temperature)
        return float(np.mean(np.log(np.exp(beta * z).sum(axis=1)) - beta * true))

    found = optimize.minimize_scalar(log_loss, bounds=np.log(_TEMPERATURES), method="bounded", options={"xatol": 1e-5})
    return float(np.exp(found.x))


def _collect(
    model: MultiHeadModel, batches: tf.data.Dataset
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns log-probabilities, labels and masks of all rows by head."""

    @tf.function(reduce_retracing=True, autograph=False)
    def answer(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        outputs = model(features, training=False)
        return {head: log_probabilities(logits, model.members) for head, logits in outputs.items()}

    found: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = []
    for features, labels, weights in batches:
        masks = {head: labelled_rows(weight) for head, weight in weights.items()}
        found.append((answer(features), labels, masks))
    parts = zip(*found, strict=True)
    log_p, labels, masks = ({h: np.concatenate([np.asarray(p[h]) for p in part]) for h in part[0]} for part in parts)
    return log_p, labels, masks
