"""Training, from a task and batches to a fitted model; nothing here knows TFX or files of examples."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from components.trainer.model import MultiHeadModel, build_model
from schema.errors import TrainingDiverged
from schema.task import TaskSpec


def train(
    task: TaskSpec,
    num_ids: Mapping[str, int],
    label_counts: Mapping[str, np.ndarray],
    train_batches: tf.data.Dataset,
    eval_batches: tf.data.Dataset,
    log_dir: str,
) -> MultiHeadModel:
    """Builds and fits the model that a task describes.

    Args:
        task: Model and training.
        num_ids: Number of ids of every categorical feature.
        label_counts: Labelled training rows by head and class, `(num_classes,)`.
        train_batches: As `dataset.batches` yields them.
        eval_batches: The same, to stop on.
        log_dir: For TensorBoard.

    Returns:
        The model; with early stopping, as it was after its best epoch.

    Raises:
        TrainingDiverged: The loss is not a finite number.
    """
    model = build_model(task, num_ids, label_counts)
    model.compile(optimizer=keras.optimizers.Adam(task.training.learning_rate))
    model.summary(print_fn=logging.info)
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.TensorBoard(log_dir, write_graph=False),
        keras.callbacks.TerminateOnNaN(),
    ]
    if task.training.early_stopping:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor="val_loss",
                mode="min",
                patience=task.training.early_stopping.patience,
                restore_best_weights=True,
            )
        )
    history = model.fit(
        train_batches, validation_data=eval_batches, epochs=task.training.epochs, callbacks=callbacks, verbose=2
    ).history
    if not np.isfinite(history["loss"]).all():
        raise TrainingDiverged(
            f"the loss became {history['loss'][-1]} in epoch {len(history['loss'])}; "
            f"try a smaller training.learning_rate than {task.training.learning_rate:g}"
        )
    return model
