"""Scores are probabilities again, whatever the loss did to them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

from components.trainer import calibration
from components.trainer.calibration import Calibration, fit_temperature
from components.trainer.losses import LOSSES
from components.transform.labels import class_weights
from schema.heads import CrossEntropy, Focal, LogitAdjusted, MulticlassHead, MultilabelHead

PRIOR = np.array([0.7, 0.2, 0.1])
# What the world is like in four places: class probabilities by place.
WORLD = np.array([[0.9, 0.08, 0.02], [0.6, 0.3, 0.1], [0.3, 0.3, 0.4], [0.05, 0.05, 0.9]])


def minimiser(loss, weights, prior=PRIOR, world=WORLD):
    """Returns the log-probabilities that minimise the expected weighted loss in every place, by gradient descent."""
    row_loss = LOSSES[loss.type].row_loss(loss, prior)
    logits = tf.Variable(np.zeros(world.shape, np.float32))
    optimizer = tf.optimizers.Adam(0.05)
    labels = np.tile(np.arange(world.shape[1]), (len(world), 1))

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            everywhere = tf.repeat(logits[:, tf.newaxis, :], world.shape[1], axis=1)
            expected = tf.reduce_sum(tf.cast(world * weights, tf.float32) * row_loss(labels, everywhere))
        optimizer.apply_gradients([(tape.gradient(expected, logits), logits)])

    for _ in range(1500):
        step()
    return log_softmax(logits.numpy(), axis=-1)


def make(loss, weights=(1.0, 1.0, 1.0), temperature=1.0, mode="temperature"):
    head = MulticlassHead(type="multiclass", loss=loss, calibration=mode)
    return Calibration(head, ("a", "b", "c"), PRIOR, np.log(weights), temperature, np.full(3, 1 / 3))


@pytest.mark.parametrize(
    "loss",
    [CrossEntropy(), Focal(gamma=2.0), Focal(gamma=0.5), LogitAdjusted(tau=1.0)],
    ids=lambda loss: str(loss)[:25],
)
@pytest.mark.parametrize("weights", [np.ones(3), np.array([0.5, 1.5, 3.0])], ids=["even", "weighted"])
def test_what_minimises_the_loss_becomes_the_true_probabilities(loss, weights):
    log_p = minimiser(loss, weights)
    scores = np.asarray(make(loss, weights).scores(log_p))
    np.testing.assert_allclose(scores, WORLD, atol=4e-3)
    if not (isinstance(loss, CrossEntropy) and weights.std() == 0):
        assert np.abs(np.asarray(make(loss, weights).uncalibrated(log_p)) - WORLD).max() > 0.02


def test_without_calibration_scores_are_as_trained():
    log_p = np.log(WORLD)
    head = make(LogitAdjusted(), np.array([1.0, 2.0, 3.0]), temperature=3.0, mode="none")
    np.testing.assert_allclose(head.scores(log_p), WORLD, rtol=1e-5)


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_logits_is_found(true):
    rng = np.random.default_rng(0)
    z = rng.normal(0, 2, (60_000, 3))
    labels = (softmax(z, axis=1).cumsum(axis=1) > rng.random((len(z), 1))).argmax(axis=1)
    assert true == pytest.approx(fit_temperature(z * true, labels, np.ones(len(z))), rel=0.03)


def test_masked_rows_do_not_move_the_temperature():
    rng = np.random.default_rng(0)
    z, labels, mask = rng.normal(size=(500, 3)), rng.integers(0, 3, 500), rng.random(500) < 0.5
    lies = np.where(mask, labels, 2 - labels)
    assert fit_temperature(z, labels, mask) == fit_temperature(z, lies, mask)


def test_tags_are_calibrated_as_pairs():
    rng = np.random.default_rng(1)
    z = rng.normal(0, 2, (20_000, 2))
    labels = (1 / (1 + np.exp(-z)) > rng.random(z.shape)).astype(np.int64)
    pairs = np.stack([np.zeros_like(z), z * 2], axis=-1)
    assert fit_temperature(pairs, labels, np.ones(len(z))) == pytest.approx(2, rel=0.05)
    head = MultilabelHead(type="multilabel")
    tags = Calibration(head, ("x", "y"), np.full((2, 2), 0.5), np.zeros((2, 2)), 2.0, np.array([0.5, 0.9]))
    np.testing.assert_allclose(tags.scores(log_softmax(pairs, axis=-1)), 1 / (1 + np.exp(-z)), atol=1e-6)
    assert np.asarray(tags.decide(np.array([[0.6, 0.6]], np.float32))).tolist() == [[True, False]]


def test_a_class_is_decided_by_its_score_over_its_threshold():
    head = dataclasses.replace(make(CrossEntropy()), thresholds=np.array([0.8, 0.15, 0.05]))
    scores = np.array([[0.6, 0.35, 0.05], [0.9, 0.05, 0.05], [0.8, 0.1, 0.1]], np.float32)
    assert np.asarray(head.decide(scores)).tolist() == [1, 0, 2]


@pytest.mark.parametrize("calibrated", ["temperature", "none"])
def test_a_head_trained_with_class_weights_is_calibrated_on_unseen_rows(toy, calibrated):
    """Expected calibration: the mean score of the rare class is its share, unless calibration is off."""
    task = toy.task(
        heads={"zebra": {"type": "multiclass", "loss": {"class_weights": "balanced"}, "calibration": calibrated}}
    )

    def draw(count, seed):
        rows, rng = toy.rows(count, seed), np.random.default_rng(seed)
        rare = (rng.random(count) < 1 / (1 + np.exp(3 - rows.features["x_xf"]))).astype(np.int64)
        return rows.change(labels={"zebra": rare})

    rows, evaluation, unseen = draw(3000, 0), draw(2000, 1), draw(4000, 2)
    counts = rows.counts(toy.num_classes)
    weights = class_weights(tf.constant(counts["zebra"]), "balanced", ("no", "yes")).numpy()
    weighted, evaluated = (r.change(weights={"zebra": weights[r.labels["zebra"]]}) for r in (rows, evaluation))
    model = toy.train(task, weighted, evaluated)
    fitted = calibration.fit(model, task, {"zebra": ("no", "yes")}, counts, evaluated.batches(task))["zebra"]
    log_p = log_softmax(model(unseen.features)["zebra"].numpy(), axis=-1)
    share, said = unseen.labels["zebra"].mean(), np.asarray(fitted.scores(log_p))[:, 1].mean()
    if calibrated == "temperature":
        assert said == pytest.approx(share, abs=0.02)
    else:
        assert said > share + 0.2
        assert fitted.temperature == 1.0
