"""How gradients become steps."""

import numpy as np
import pytest

# No gradient: what moves is moved by weight decay alone.
RATE, DECAY = 0.1, 0.5
ADAMW = {"type": "adamw", "weight_decay": DECAY}


@pytest.fixture(scope="module")
def step(toy):
    """Sets all weights of a model to 1 and takes one step along the same gradient in each.

    Returns:
        The weights by path, and the norm of the gradient that Adam has seen.
    """
    import keras

    from components.trainer import optimizer

    def take(gradient, **training):
        task = toy.task(
            **{f"training__{key}": value for key, value in training.items()},
            trunk={"units": [4], "members": 2, "dropout": 0.0},
        )
        model = toy.build(task)
        variables = model.trainable_variables
        for variable in variables:
            variable.assign(np.ones(variable.shape))
        adam = optimizer.build(task.training, model, RATE)
        adam.apply_gradients([(keras.ops.full(variable.shape, gradient), variable) for variable in variables])
        # The first moment is (1 - beta_1) times the gradient.
        moments = [np.array(variable) for variable in adam.variables if "momentum" in variable.path]
        norm = np.sqrt(sum(np.square(moment).sum() for moment in moments)) / (1 - adam.beta_1)
        return {variable.path: np.array(variable) for variable in variables}, norm

    return take


def test_adamw_decays_kernels_and_leaves_biases_scales_and_embeddings_alone(step):
    after, _ = step(0.0, optimizer=ADAMW)
    decayed = {path.split("/")[-1] for path, values in after.items() if np.allclose(values, 1 - RATE * DECAY)}
    left = {path.split("/")[-1] for path, values in after.items() if np.array_equal(values, np.ones_like(values))}
    assert {"kernel"} == decayed
    assert {"bias", "scale", "scale_in", "scale_out", "embeddings"} == left


def test_adam_and_adamw_without_decay_leave_all_weights_where_nothing_pulls(step):
    for kind in ({"type": "adam"}, {"type": "adamw", "weight_decay": 0.0}):
        for values in step(0.0, optimizer=kind)[0].values():
            np.testing.assert_array_equal(values, np.ones_like(values))


@pytest.mark.parametrize("kind", [{"type": "adam"}, ADAMW])
def test_gradient_clip_bounds_the_norm_of_all_gradients_together(step, kind):
    weights, norm = step(5.0, optimizer=kind)
    size = sum(values.size for values in weights.values())
    assert 5 * size**0.5 == pytest.approx(norm, rel=1e-4)
    assert step(5.0, optimizer=kind, gradient_clip=0.3)[1] == pytest.approx(0.3, rel=1e-4)
    assert step(5.0, optimizer=kind, gradient_clip=1e6)[1] == pytest.approx(norm, rel=1e-6)


def test_a_clipped_model_with_embeddings_still_trains(toy):
    task = toy.task(training__epochs=2, training__gradient_clip=0.1, training__optimizer=ADAMW)
    losses = toy.train(task).history.history["loss"]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("stopping", [None, {"patience": 1}])
def test_ema_is_what_is_evaluated_and_kept(toy, stopping):
    settings = {"training__epochs": 3, "training__early_stopping": stopping}
    evaluation = toy.rows(500, seed=1)
    last, average = (toy.train(toy.task(**settings, training__ema=ema), evaluation=evaluation) for ema in (None, 0.97))
    start = toy.build(toy.task())

    def way(model):
        pairs = zip(start.trainable_variables, model.trainable_variables, strict=True)
        return sum(float(np.square(np.array(a) - np.array(b)).sum()) for a, b in pairs) ** 0.5

    # An average over some thirty of the sixty steps lags behind.
    assert 0.2 * way(last) < way(average) < 0.9 * way(last)
    results = average.evaluate(evaluation.batches(toy.task()), return_dict=True, verbose=0)
    assert min(average.history.history["val_loss"]) == pytest.approx(results["loss"], rel=1e-4)
