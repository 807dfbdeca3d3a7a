"""How gradients become steps."""

from __future__ import annotations

import keras

from schema.training import AdamW, Training


def build(
    training: Training, model: keras.Model, learning_rate: float | keras.optimizers.schedules.LearningRateSchedule
) -> keras.optimizers.Optimizer:
    """Returns the optimizer that a task asks for.

    AdamW decays kernels and nothing else: shrinking a bias, a scale or the vector of a rare category adds no
    regularisation that the loss could answer (Gorishniy et al. 2024, arXiv 2410.24210, decay the same).

    Args:
        training: `optimizer`, `gradient_clip` and `ema`.
        model: Whose weights it will move.
        learning_rate: As `schedule.learning_rate` returns it.
    """
    options = {"global_clipnorm": training.gradient_clip}
    if training.ema:
        options |= {"use_ema": True, "ema_momentum": training.ema}
    if not isinstance(training.optimizer, AdamW):
        return keras.optimizers.Adam(learning_rate, **options)
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=training.optimizer.weight_decay, **options)
    # By what a variable is, not by a list of names that a new layer would have to join: unknown names do not decay.
    optimizer.exclude_from_weight_decay(
        var_list=[variable for variable in model.trainable_variables if not variable.name.endswith("kernel")]
    )
    return optimizer
