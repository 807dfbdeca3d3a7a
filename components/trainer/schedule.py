"""How the learning rate changes over the epochs."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from schema.training import CosineSchedule, PlateauSchedule, Training


def learning_rate(
    training: Training, batches: tf.data.Dataset
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns the learning rate that an optimizer starts from, or the whole course of it where that is known before.

    Args:
        training: `schedule`, `learning_rate` and `epochs`.
        batches: Of one epoch; counted if the schedule needs their number.
    """
    schedule = training.schedule
    if not isinstance(schedule, CosineSchedule):
        return training.learning_rate
    steps = num_batches(batches)
    warmup = round(schedule.warmup_epochs * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else training.learning_rate,
        # A warm-up as long as the training leaves no step to fall in.
        decay_steps=max(1, training.epochs * steps - warmup),
        alpha=schedule.final,
        warmup_target=training.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def callbacks(training: Training, batches: tf.data.Dataset) -> list[keras.callbacks.Callback]:
    """Returns what changes the learning rate while the model is fitted.

    Args:
        training: `schedule` and `learning_rate`.
        batches: Of one epoch; counted if the schedule needs their number.
    """
    schedule = training.schedule
    if isinstance(schedule, CosineSchedule):
        return []
    found: list[keras.callbacks.Callback] = []
    if schedule.warmup_epochs:
        steps = num_batches(batches)
        if length := round(schedule.warmup_epochs * steps):
            found.append(Warmup(training.learning_rate, length, steps))
    if isinstance(schedule, PlateauSchedule):
        # Any improvement counts, as it does for early stopping; Keras would overlook those below 1e-4.
        found.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor="val_loss", mode="min", factor=schedule.factor, patience=schedule.patience, min_delta=0
            )
        )
    return found


class Warmup(keras.callbacks.Callback):
    """Raises the learning rate step by step from 0 (Goyal et al. 2017, arXiv 1706.02677, section 2.2).

    Step i has peak * i / length, as in `keras.optimizers.schedules.CosineDecay`. A schedule would not do:
    `ReduceLROnPlateau` needs a learning rate that can be set. What that cuts during the warm-up is not kept.

    Args:
        peak: Learning rate at its end.
        length: Steps that it takes.
        steps_per_epoch: Steps.
    """

    def __init__(self, peak: float, length: int, steps_per_epoch: int):
        super().__init__()
        self._peak = peak
        self._length = length
        self._steps_per_epoch = steps_per_epoch
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the epoch: a resumed training does not warm up again."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the rate of the step."""
        step = self._epoch * self._steps_per_epoch + batch
        if step <= self._length:
            self.model.optimizer.learning_rate = self._peak * step / self._length


def num_batches(batches: tf.data.Dataset) -> int:
    """Returns the number of batches, at the cost of one pass over them where tf.data does not know it."""
    known = int(batches.cardinality())
    return known if known >= 0 else int(batches.reduce(0, lambda count, _: count + 1))
