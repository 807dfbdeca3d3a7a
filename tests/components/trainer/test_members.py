"""Members of a trunk: how many parameters, how they differ, and that they answer as one."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from components.trainer.logits import log_probabilities
from components.trainer.trunks.members import MemberDense, Members, Output

MEMBERS = 4


def sizes(model):
    return {layer.name: layer.count_params() for layer in model.layers if layer.count_params()}


def test_members_share_kernels_and_have_scales_biases_and_outputs_of_their_own(toy):
    single, many = (toy.build(toy.task(trunk__members=k)) for k in (1, MEMBERS))
    width = 2 + 8  # x, y and the embedded colour
    expected = {
        "colour_embedding": sizes(single)["colour_embedding"],
        "members": MEMBERS * width,
        "trunk_0": width * 32 + MEMBERS * (width + 32 + 32),
    }
    for head, classes in toy.num_classes.items():
        expected |= {
            f"{head}_hidden_0": 32 * 8 + MEMBERS * (32 + 8 + 8),
            head: MEMBERS * (8 + 1) * classes,
        }
    assert expected == sizes(many)


def test_a_member_scales_what_goes_into_the_shared_kernel_and_what_comes_out():
    layer = MemberDense(3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 2, 4)).astype("float32")
    layer.build(x.shape)
    kernel, scale_in, scale_out, bias = weights = [rng.normal(size=w.shape) for w in layer.weights]
    layer.set_weights(weights)
    expected = np.maximum(((x * scale_in) @ kernel) * scale_out + bias, 0)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_members_start_apart_by_random_signs():
    keras.utils.set_random_seed(0)
    layer = Members(8)
    copies = np.asarray(layer(np.ones((1, 50), "float32")))[0]
    assert {-1.0, 1.0} == set(copies.ravel())
    assert len({tuple(copy) for copy in copies}) == 8


@pytest.mark.parametrize("shape", [(6, 4), (6, 2, 4)], ids=["single", "members"])
def test_an_output_starts_as_its_constant(shape):
    layer = Output(np.array([0.5, -1.0, 2.0]))
    outputs = np.asarray(layer(np.random.default_rng(0).normal(size=shape).astype("float32")))
    np.testing.assert_allclose(outputs, np.broadcast_to([0.5, -1.0, 2.0], (*shape[:-1], 3)), rtol=1e-6)


def test_members_answer_with_the_mean_of_their_probabilities():
    logits = np.random.default_rng(0).normal(size=(5, MEMBERS, 3)).astype("float32")
    expected = np.log(softmax(logits, axis=-1).mean(axis=1))
    np.testing.assert_allclose(log_probabilities(logits, MEMBERS), expected, atol=1e-5)
    np.testing.assert_allclose(log_probabilities(logits[:, 0], 1), log_softmax(logits[:, 0], axis=-1), atol=1e-5)


def test_the_loss_is_the_mean_of_the_members_losses(toy):
    model, rows = toy.build(toy.task(trunk__members=MEMBERS)), toy.rows(50)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    logits = model(rows.features)["mango"].numpy()
    log_p, labels = log_softmax(logits, axis=-1), rows.labels["mango"]
    expected = -log_p[np.arange(50)[:, None], np.arange(MEMBERS), labels[:, None]].mean()
    results = model.test_step((rows.features, rows.labels, rows.weights))
    assert float(results["mango_loss"]) == pytest.approx(expected, rel=1e-4)
    # Accuracy is that of their common answer.
    right = softmax(logits, axis=-1).mean(axis=1).argmax(axis=1) == labels
    assert float(results["mango_accuracy"]) == pytest.approx(right.mean())


@pytest.mark.parametrize("trunk", ["shared", "independent", "mmoe", "ple"])
def test_every_trunk_learns_with_members(toy, trunk):
    model = toy.train(toy.task(trunk={"type": trunk, "units": [16], "dropout": 0.0, "members": 3}))
    rows = toy.rows(1000, seed=2)
    for head, logits in model(rows.features, training=False).items():
        assert logits.shape[1] == 3
        assert (np.asarray(log_probabilities(logits, 3)).argmax(axis=1) == rows.labels[head]).mean() > 0.8
