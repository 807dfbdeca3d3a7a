"""Training, from a model and batches to a fitted model; nothing here knows TFX or files of examples."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from components.trainer import optimizer, schedule
from components.trainer.balancing.epoch_end import EpochEnd
from components.trainer.checkpoint import Checkpoint
from components.trainer.gradient_cosine import GradientCosine
from components.trainer.model import MultiHeadModel
from schema.errors import TrainingDiverged
from schema.task import TaskSpec


def train(
    model: MultiHeadModel,
    task: TaskSpec,
    train_batches: tf.data.Dataset,
    eval_batches: tf.data.Dataset,
    log_dir: str,
    checkpoint_dir: Path | None = None,
) -> None:
    """Fits the model that a task describes; with early stopping, it is left as it was after its best epoch.

    Args:
        model: As `build_model` built it, or with weights from elsewhere.
        task: Its training.
        train_batches: As `dataset.batches` yields them, of one epoch.
        eval_batches: The same, to stop on.
        log_dir: For TensorBoard.
        checkpoint_dir: Folder of this training alone, with equal arguments whenever it is named: if a training that was
            killed left its state there, it goes on from it, whatever weights the model has. None keeps nothing.

    Raises:
        TrainingDiverged: The loss is not a finite number.
    """
    training = task.training
    # Without XLA, which Keras would choose for some models: on CPUs convolutions took three times as long with it, and
    # embeddings longer too; compiling adds seconds to every training.
    model.compile(
        optimizer=optimizer.build(training, model, schedule.learning_rate(training, train_batches)), jit_compile=False
    )
    # Made by the first step, its variables would have that step traced twice.
    model.optimizer.build(model.trainable_variables)
    model.summary(print_fn=logging.info)
    history = keras.callbacks.History()
    callbacks: list[keras.callbacks.Callback] = [
        # Those that learn from an epoch or add to its logs stand first: those below write and keep what they find.
        *schedule.callbacks(training, train_batches),
        EpochEnd(),
        GradientCosine(train_batches),
        history,
        keras.callbacks.TensorBoard(log_dir, write_graph=False),
        keras.callbacks.TerminateOnNaN(),
    ]
    if training.ema:
        # First: the others meet the averages that were evaluated, and that will be served.
        callbacks.insert(0, keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if training.early_stopping:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor="val_loss",
                mode="min",
                patience=training.early_stopping.patience,
                restore_best_weights=True,
            )
        )
    epochs_done = 0
    if checkpoint_dir:
        checkpoint = Checkpoint(checkpoint_dir, callbacks, train_batches)
        epochs_done = checkpoint.restore(model)
        callbacks = [*callbacks, checkpoint]
    # One iterator over all epochs: Keras would begin two for each, and every one that is begun changes the order of the
    # rows in those after it, which a resumed training has to find again.
    model.fit(
        train_batches.repeat(),
        steps_per_epoch=schedule.num_batches(train_batches),
        validation_data=eval_batches,
        initial_epoch=epochs_done,
        epochs=training.epochs,
        callbacks=callbacks,
        verbose=2,
    )
    losses = history.history["loss"]
    if not np.isfinite(losses).all():
        raise TrainingDiverged(
            f"the loss became {losses[-1]} in epoch {len(losses)}; "
            f"try a smaller training.learning_rate than {training.learning_rate:g}"
        )
