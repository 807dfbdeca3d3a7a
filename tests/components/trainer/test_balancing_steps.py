"""Every way of balancing inside the model: steps, masks, state, training."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.trainer.balancing import BALANCING
from components.trainer.balancing.epoch_end import EpochEnd

RATE = 0.1
BATCH = 75
KINDS = list(BALANCING)
# Of those that move with steps, not with epochs.
STEPPING = ["uncertainty", "famo"]


@pytest.fixture(scope="module")
def build(toy):
    """Builds a model that plain gradient descent trains."""

    def built(kind, **parts):
        model = toy.build(toy.task(training__balancing={"type": kind}, **parts))
        model.compile(keras.optimizers.SGD(RATE), run_eagerly=True)
        return model

    return built


def batch(rows, start=0, absent=()):
    part = slice(start, start + BATCH)
    features, labels, weights = (
        {name: tf.constant(values[part]) for name, values in columns.items()}
        for columns in (rows.features, rows.labels, rows.weights)
    )
    return features, labels, weights | {head: tf.zeros(BATCH) for head in absent}


def values(variables):
    return {variable.path: np.array(variable) for variable in variables}


def warm(model, rows, steps=8):
    """Takes steps, and ends an epoch twice, so that no state is as it was at first."""
    for i in range(steps):
        model.train_step(batch(rows, i * BATCH))
    model.balancer.on_epoch_end({"zebra": 1.0, "mango": 1.0, "apple": 1.0})
    model.balancer.on_epoch_end({"zebra": 0.5, "mango": 0.9, "apple": 0.7})
    model.reset_metrics()


@pytest.fixture(scope="module")
def warmed(toy, build):
    """Returns the model of a kind after `warm`, as it was then whatever a test did to it since."""

    @functools.cache
    def made(kind):
        model = build(kind)
        warm(model, toy.rows())
        return model, [np.array(variable) for variable in model.variables]

    def given(kind):
        model, state = made(kind)
        for variable, value in zip(model.variables, state, strict=True):
            variable.assign(value)
        model.reset_metrics()
        return model

    return given


def head_gradients(model, data):
    x, y, sample_weight = data
    with tf.GradientTape(persistent=True) as tape:
        losses, _ = model.head_losses(y, model(x, training=True), sample_weight)
    by_head = [tape.gradient(loss, model.trainable_variables) for loss in losses]
    return [[0.0 if g is None else tf.convert_to_tensor(g).numpy() for g in gradients] for gradients in by_head]


@pytest.mark.parametrize("kind", KINDS)
def test_the_weight_logged_is_what_multiplied_the_heads_gradient(toy, warmed, kind):
    model, rows = warmed(kind), toy.rows()
    data = batch(rows, 8 * BATCH)
    gradients, before = head_gradients(model, data), values(model.trainable_variables)
    logs = model.train_step(data)
    weights = [float(logs[f"{head}_weight"]) for head in toy.num_classes]
    for i, variable in enumerate(model.trainable_variables):
        is_shared = "trunk" in variable.path or "embedding" in variable.path
        # pcgrad projects what is shared only.
        of_heads = weights if is_shared or kind != "pcgrad" else [1.0] * 3
        step = sum(weight * g[i] for weight, g in zip(of_heads, gradients, strict=True))
        np.testing.assert_allclose(np.array(variable), before[variable.path] - RATE * step, rtol=1e-3, atol=1e-5)
    if kind != "fixed":
        assert not np.allclose(weights, 1.0, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_without_a_labelled_row_is_neither_nan_nor_an_update(toy, warmed, kind):
    model, rows = warmed(kind), toy.rows()
    before = values(model.trainable_variables)
    kept = [np.array(variable) for variable in model.balancer.variables()]
    logs = model.train_step(batch(rows, 600, absent=["mango"]))
    for path, value in values(model.trainable_variables).items():
        assert np.isfinite(value).all()
        assert ("mango" in path) == bool((value == before[path]).all()), path
    if kind in STEPPING:
        for old, new in zip(kept, model.balancer.variables(), strict=True):
            assert old[1] == np.array(new)[1]
            assert (old[[0, 2]] != np.array(new)[[0, 2]]).all()
    assert float(logs["mango_weight"]) == 0.0
    assert float(logs["zebra_weight"]) > 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_without_any_label_changes_nothing(toy, warmed, kind):
    model, rows = warmed(kind), toy.rows()
    state = [] if kind == "pcgrad" else model.balancer.variables()
    before = values([*model.trainable_variables, *state])
    model.train_step(batch(rows, absent=toy.num_classes))
    for path, value in values([*model.trainable_variables, *state]).items():
        np.testing.assert_array_equal(before[path], value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trunk", ["independent", "mmoe"])
def test_every_trunk_can_be_balanced(toy, build, kind, trunk):
    model = build(kind, trunk={"type": trunk, "units": [4]})
    before = values(model.trainable_variables)
    warm(model, toy.rows(), steps=2)
    after = values(model.trainable_variables)
    assert all(np.isfinite(value).all() for value in after.values())
    assert any((before[path] != value).any() for path, value in after.items())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "fixed"])
def test_state_is_saved_with_the_weights_and_training_goes_on_from_it(toy, build, warmed, kind, tmp_path):
    rows, model, fresh = toy.rows(), warmed(kind), build(kind)
    model.save_weights(tmp_path / "model.weights.h5")
    state = [np.array(variable) for variable in model.balancer.variables()]
    assert any((old != np.array(new)).any() for old, new in zip(state, fresh.balancer.variables(), strict=True))
    fresh.load_weights(tmp_path / "model.weights.h5")
    for old, new in zip(state, fresh.balancer.variables(), strict=True):
        np.testing.assert_array_equal(old, np.array(new))
    for continued in (model, fresh):
        for i in range(3):
            continued.train_step(batch(rows, 600 + i * BATCH))
    for one, other in zip(model.weights, fresh.weights, strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(other))


def test_the_optimizer_does_not_touch_what_balancing_keeps(build):
    for kind in KINDS:
        model = build(kind)
        assert not {id(variable) for variable in model.balancer.variables()} & {
            id(variable) for variable in model.trainable_variables
        }


@pytest.fixture(scope="module")
def compiled(toy):
    """Trains the model of a kind for a moment, compiled as the Trainer does; returns it and the variables then."""

    @functools.cache
    def trained(kind):
        task = toy.task(training__balancing={"type": kind})
        model = toy.build(task)
        model.compile(adam(), jit_compile=False)
        # Made by the first step, its variables would have that step traced twice.
        model.optimizer.build(model.trainable_variables)
        fit(model, toy.rows(3 * BATCH).batches(task), epochs=3)
        return model, [np.array(variable) for variable in model.trainable_variables]

    return trained


def adam():
    # With so large an epsilon, rounding of gradients near 0 makes no step.
    return keras.optimizers.Adam(0.03, epsilon=1e-3)


def fit(model, batches, epochs):
    model.fit(batches, epochs=epochs, callbacks=[EpochEnd()], verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_compiled_step_does_what_an_eager_one_does(toy, build, compiled, kind):
    model = build(kind)
    model.compile(adam(), run_eagerly=True)
    fit(model, toy.rows(3 * BATCH).batches(toy.task()), epochs=3)
    for eager, graph in zip(model.trainable_variables, compiled(kind)[1], strict=True):
        np.testing.assert_allclose(np.array(eager), graph, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "fixed"])
def test_heads_learn_by_their_own_balance(toy, compiled, kind):
    model, early = compiled(kind)
    fit(model, toy.rows().batches(toy.task(), seed=3), epochs=8)
    assert min(toy.quality(model).accuracy.values()) > 0.8
    pairs = zip(early, compiled("fixed")[1], strict=True)
    assert not all(np.allclose(one, other, rtol=0, atol=1e-4) for one, other in pairs)


def test_exported_models_answer_as_they_did(toy, warmed, tmp_path):
    module = tf.Module()
    module.models = {kind: warmed(kind) for kind in KINDS}
    features = batch(toy.rows())[0]
    shapes = {
        name: tf.TensorSpec([None, *column.shape[1:]], column.dtype, name=name) for name, column in features.items()
    }

    def answers(columns):
        return {
            f"{kind}/{head}": logits
            for kind, model in module.models.items()
            for head, logits in model(columns, training=False).items()
        }

    signature = tf.function(answers, input_signature=[shapes])
    tf.saved_model.save(module, str(tmp_path), signatures={"answers": signature})
    served = tf.saved_model.load(str(tmp_path)).signatures["answers"](**features)
    for name, logits in answers(features).items():
        np.testing.assert_allclose(served[name], logits, rtol=1e-5, atol=1e-6)
