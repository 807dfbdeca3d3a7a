"""Cosines of the heads' gradients, and their way to TensorBoard."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from components.trainer.gradient_cosine import GradientCosine, cosines

PAIRS = ["cosine/zebra/mango", "cosine/zebra/apple", "cosine/mango/apple"]


def batch(toy, **masks):
    rows = toy.rows(100)
    rows = rows.change(weights={head: np.full(100, value, "float32") for head, value in masks.items()})
    return rows.features, rows.labels, rows.weights


def shaken(model):
    """The first gradients are zero but for the outputs', which start as constants."""
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return model


def test_cosine_is_that_of_the_gradients_of_what_both_heads_reach(toy):
    model = shaken(toy.build(toy.task()))
    x, y, sample_weight = batch(toy)
    shared = [v for v in model.trainable_variables if "trunk" in v.path or "embedding" in v.path]
    with tf.GradientTape(persistent=True) as tape:
        losses, _ = model.head_losses(y, model(x), sample_weight)
    flat = [
        np.concatenate([tf.convert_to_tensor(g).numpy().ravel() for g in tape.gradient(loss, shared)])
        for loss in losses
    ]
    expected = {
        pair: a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        for pair, (a, b) in zip(PAIRS, itertools.combinations(flat, 2), strict=True)
    }
    assert expected == pytest.approx(cosines(model, (x, y, sample_weight)), rel=1e-3, abs=1e-5)


def test_a_head_that_is_told_the_same_has_cosine_1_and_the_opposite_minus_1(toy):
    # Two heads of equal weights over the trunk: their gradients of the trunk are equal, or opposite.
    heads = {head: {"type": "multiclass", "units": []} for head in ("zebra", "mango", "apple")}
    model = toy.build(toy.task(heads=heads), dict.fromkeys(heads, np.array([50, 50])))
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(32, 2))
    for head, sign in {"zebra": 1, "mango": 1, "apple": -1}.items():
        model.get_layer(head).kernel.assign(sign * kernel)
        model.get_layer(head).bias.assign([0.0, 0.0])
    x, _, sample_weight = batch(toy)
    labels = dict.fromkeys(heads, np.zeros(100, np.int64))
    found = cosines(model, (x, labels, sample_weight))
    assert found["cosine/zebra/mango"] == pytest.approx(1.0, abs=1e-4)
    assert found["cosine/zebra/apple"] < -0.5


def test_a_head_without_labels_has_no_cosine(toy):
    model = shaken(toy.build(toy.task()))
    assert list(cosines(model, batch(toy, mango=0.0))) == ["cosine/zebra/apple"]


def test_independent_trunks_have_no_cosine_until_heads_depend_on_each_other(toy):
    independent = {"trunk": {"type": "independent", "units": [4]}}
    assert cosines(shaken(toy.build(toy.task(**independent))), batch(toy)) == {}
    depending = shaken(toy.build(toy.task(**independent, heads__zebra__depends_on=["mango"])))
    assert list(cosines(depending, batch(toy))) == ["cosine/zebra/mango"]


def test_the_same_batch_is_used_in_every_epoch(toy):
    task = toy.task()
    follow = GradientCosine(toy.rows(300).batches(task, seed=1))
    follow.set_model(shaken(toy.build(task)))
    follow.on_train_begin()
    epochs = [{"loss": 1.0}, {"loss": 1.0}]
    for epoch, logs in enumerate(epochs):
        follow.on_epoch_end(epoch, logs)
    assert set(epochs[0]) == {"loss", *PAIRS}
    assert epochs[0] == epochs[1]


def test_tensorboard_has_weights_and_cosines_of_every_epoch(toy, tmp_path):
    toy.train(toy.task(training__epochs=3, training__balancing={"type": "dwa"}), logs=tmp_path)
    found = {}
    for file in tmp_path.rglob("events.out.tfevents.*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                found.setdefault(f"{file.parent.name}/{value.tag}", []).append(float(tf.make_ndarray(value.tensor)))
    tags = [*(f"{head}_weight" for head in toy.num_classes), *PAIRS]
    assert dict.fromkeys(tags, 3) == {tag: len(found.get(f"train/epoch_{tag}", [])) for tag in tags}
    assert found["train/epoch_zebra_weight"][:2] == [1.0, 1.0] != found["train/epoch_zebra_weight"][1:]
    assert not [tag for tag in found if tag.startswith("validation/epoch") and "weight" in tag]
