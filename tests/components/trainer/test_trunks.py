"""How much heads share, counted in weights, and what gates do."""

import keras
import numpy as np
import pytest

from components.trainer.trunks import TRUNKS
from components.trainer.trunks.dense import mixture
from schema.trunks import IndependentTrunk, MmoeTrunk, PleTrunk, SharedTrunk

WIDTH = 5
HEADS = ("zebra", "mango", "apple")


def build(trunk, heads=HEADS):
    inputs = keras.Input((3,))

    def encode(prefix):
        return keras.layers.Dense(WIDTH, use_bias=False, name=f"{prefix}encoder")(inputs)

    return keras.Model(inputs, TRUNKS[trunk.type](encode, trunk, heads))


def stack(*units):
    """Weights of dense layers from WIDTH on."""
    return sum((before + 1) * after for before, after in zip((WIDTH, *units), units, strict=False))


ENCODER = 3 * WIDTH


@pytest.mark.parametrize(
    ("trunk", "weights"),
    [
        (SharedTrunk(units=(8, 4)), ENCODER + stack(8, 4)),
        (IndependentTrunk(units=(8, 4)), 3 * (ENCODER + stack(8, 4))),
        (MmoeTrunk(units=(8, 4), experts=6), ENCODER + 6 * stack(8, 4) + 3 * 6 * WIDTH),
        # One level: 2 shared experts, 1 for each of 3 heads, gates over 3; no shared gate on the last level.
        (PleTrunk(units=(8,), shared_experts=2, own_experts=1), ENCODER + 5 * stack(8) + 3 * 3 * WIDTH),
        # Two: the first also has the shared gate over all 5, the second starts from 8 units.
        (
            PleTrunk(units=(8, 4), shared_experts=2, own_experts=1),
            ENCODER + 5 * stack(8) + 3 * 3 * WIDTH + 5 * WIDTH + 5 * (8 + 1) * 4 + 3 * 3 * 8,
        ),
    ],
    ids=lambda value: value.type if hasattr(value, "type") else "",
)
def test_number_of_weights(trunk, weights):
    assert build(trunk).count_params() == weights


@pytest.mark.parametrize("trunk", [SharedTrunk(), IndependentTrunk(), MmoeTrunk(), PleTrunk()], ids=lambda t: t.type)
def test_every_head_sees_the_last_units(trunk):
    outputs = build(trunk)(np.ones((2, 3), "float32"))
    assert {head: tuple(seen.shape) for head, seen in outputs.items()} == dict.fromkeys(HEADS, (2, 64))


@pytest.mark.parametrize(
    ("trunk", "shares"),
    [(SharedTrunk(), True), (IndependentTrunk(), False), (MmoeTrunk(), True), (PleTrunk(), True)],
    ids=lambda value: getattr(value, "type", ""),
)
def test_one_heads_loss_reaches_what_heads_share_and_nothing_of_the_others(trunk, shares):
    import tensorflow as tf

    model = build(trunk)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(np.ones((2, 3), "float32"))["zebra"])
    gradients = tape.gradient(loss, model.trainable_variables)
    reached = {v.path for v, g in zip(model.trainable_variables, gradients, strict=True) if g is not None}
    assert bool({path for path in reached if "zebra" not in path}) is shares
    last_gates = {path for path in reached if ("mango" in path or "apple" in path) and "level_0" not in path}
    assert last_gates == set()


def test_mixture_is_a_weighted_mean_of_the_experts():
    selector, *experts = (keras.Input((width,)) for width in (2, 4, 4, 4))
    model = keras.Model([selector, *experts], mixture(experts, selector, "gate"))
    kernel = np.array([[1.0, 0.0, -1.0], [0.0, 2.0, 0.0]], "float32")
    model.get_layer("gate").set_weights([kernel])
    rows = [np.random.default_rng(i).normal(size=(5, width)).astype("float32") for i, width in enumerate((2, 4, 4, 4))]
    scores = np.exp(rows[0] @ kernel)
    shares = scores / scores.sum(axis=1, keepdims=True)
    expected = sum(shares[:, [i]] * rows[i + 1] for i in range(3))
    np.testing.assert_allclose(model(rows), expected, rtol=1e-4)
