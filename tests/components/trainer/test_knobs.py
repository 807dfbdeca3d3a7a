"""Every knob of `heads`, `trunk` and `training` changes what is learnt, on rows that are easy to learn.

Knobs that show before training stand in test_model.py and test_dataset.py, those of Transform in test_preprocessing.py,
the seed in test_run.py.
"""

import math

import numpy as np
import pytest
import tensorflow as tf

from components.trainer.balancing.scale import entropy
from components.transform.labels import class_weights

# Accuracy of a head that has learnt: chance is 0.5, 0.33 and 0.25, the noise of the toy rows allows 0.95, 0.93, 0.925.
LEARNT = 0.8
# One small head, where the question is not what is learnt but how.
SMALL = {
    "features": {"x": {"type": "numeric", "missing_indicator": False}},
    "heads": {"zebra": {"type": "multiclass", "units": []}},
    "trunk__units": [4],
    "training__epochs": 1,
}
APART = {"type": "independent", "units": [16], "dropout": 0.0}


@pytest.fixture(scope="module")
def apart(toy):
    """The toy task's model with a trunk for every head."""
    return toy.train(toy.task(trunk=APART))


@pytest.fixture(scope="module")
def without_mango(toy):
    """The same, with next to no weight on one head."""
    # Adam undoes a scale until the gradient is small beside its epsilon, 1e-7: "near 0" is far below that.
    return toy.train(toy.task(trunk=APART, heads__mango__loss={"weight": 1e-9}))


def chance(toy, head):
    """Returns the loss of the best constant prediction, nats."""
    counts = toy.rows().counts(toy.num_classes)[head]
    return entropy(counts / counts.sum())


def weights_of(model):
    return np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables])


def test_heads_of_different_structure_in_reverse_alphabetical_order_all_learn(toy, plain):
    accuracy = toy.quality(plain).accuracy
    assert [head for head in accuracy if accuracy[head] > LEARNT] == ["zebra", "mango", "apple"]


def test_a_weight_near_0_leaves_the_head_at_chance_while_others_learn(toy, without_mango, apart):
    quality = toy.quality(without_mango)
    assert chance(toy, "mango") == pytest.approx(quality.log_loss["mango"], abs=0.01)
    assert toy.quality(apart).log_loss["mango"] < chance(toy, "mango") - 0.4
    for head in ("zebra", "apple"):
        assert quality.accuracy[head] > LEARNT


def test_a_larger_weight_wins_a_trunk_that_has_room_for_one_head(toy):
    heads = {"zebra": {"type": "multiclass", "units": []}, "mango": {"type": "multiclass", "units": []}}
    for favourite, other in (("zebra", "mango"), ("mango", "zebra")):
        weights = {favourite: 10.0, other: 0.1}
        weighted = {head: spec | {"loss": {"weight": weights[head]}} for head, spec in heads.items()}
        log_loss = toy.quality(toy.train(toy.task(heads=weighted, trunk__units=[1]))).log_loss
        assert log_loss[favourite] < chance(toy, favourite) - 0.3
        assert log_loss[other] > chance(toy, other) - 0.05


def test_every_rule_of_class_weights_raises_minority_recall(toy):
    rules = {"none": "none", "balanced": "balanced", "effective": "effective_number", "named": {"rare": 15.0}}

    def draw(count, seed):
        rng = np.random.default_rng(seed)
        rows = toy.rows(count, seed)
        rare = (rng.random(count) < 1 / (1 + np.exp(6 - 2 * (1 + rows.features["x_xf"])))).astype(np.int64)
        ones = np.ones(count, np.float32)
        return type(rows)(rows.features, dict.fromkeys(rules, rare), dict.fromkeys(rules, ones))

    rows, evaluation, unseen = draw(1500, 0), draw(500, 1), draw(4000, 2)
    counts = np.bincount(rows.labels["none"])
    by_class = {head: class_weights(tf.constant(counts), rule, ("usual", "rare")) for head, rule in rules.items()}
    weighted = rows.change(weights={head: w.numpy()[rows.labels[head]] for head, w in by_class.items()})
    heads = {head: {"type": "multiclass", "loss": {"class_weights": rule}} for head, rule in rules.items()}
    model = toy.train(toy.task(heads=heads), weighted, evaluation, dict.fromkeys(rules, 2))
    recall = {head: recalls[1] for head, recalls in toy.quality(model, unseen).recall.items()}
    assert 0.01 < counts[1] / counts.sum() < 0.1
    for rule in ("balanced", "effective", "named"):
        assert recall[rule] > recall["none"] + 0.3


def test_masking_half_of_a_heads_rows_leaves_the_scale_of_its_loss(toy, plain):
    rows = toy.rows()
    half = np.float32(np.random.default_rng(0).random(len(rows)) < 0.5)
    model = toy.train(toy.task(), rows.change(weights={"mango": half}))
    for name in ("zebra_loss", "mango_loss", "apple_loss", "loss"):
        first, expected = model.history.history[name][0], plain.history.history[name][0]
        assert expected == pytest.approx(first, rel=0.2)
    assert toy.quality(model).accuracy["mango"] > LEARNT


def test_shuffling_a_label_column_breaks_only_that_head(toy, plain):
    rows = toy.rows()
    shuffled = np.random.default_rng(0).permutation(rows.labels["mango"])
    quality = toy.quality(toy.train(toy.task(), rows.change(labels={"mango": shuffled})))
    assert chance(toy, "mango") == pytest.approx(quality.log_loss["mango"], abs=0.15)
    assert quality.accuracy["mango"] < 0.45
    for head in ("zebra", "apple"):
        assert toy.quality(plain).accuracy[head] == pytest.approx(quality.accuracy[head], abs=0.04)


def test_depends_on_lets_a_head_use_what_another_has_learnt(toy):
    # No straight line tells where x and y have the same sign: a head without layers of its own needs those of another.
    def same_sign(rows):
        label = (rows.features["x_xf"] * rows.features["y_xf"] > 0).astype(np.int64)
        heads = ("alone", "helped", "deep")
        return type(rows)(rows.features, dict.fromkeys(heads, label), dict.fromkeys(heads, rows.weights["zebra"]))

    heads = {
        "alone": {"type": "multiclass", "units": []},
        "helped": {"type": "multiclass", "units": [], "depends_on": ["deep"]},
        "deep": {"type": "multiclass", "units": [16]},
    }
    rows, evaluation, unseen = (same_sign(toy.rows(1000, seed)) for seed in (0, 1, 2))
    model = toy.train(toy.task(heads=heads, trunk__units=[]), rows, evaluation, dict.fromkeys(heads, 2))
    accuracy = toy.quality(model, unseen).accuracy
    assert accuracy["alone"] < 0.6
    assert accuracy["helped"] > 0.85


def test_early_stopping_stops_after_patience_epochs_and_restores_the_best_weights(toy):
    # What is learnt is wrong on `eval`: the first epoch stays the best.
    evaluation = toy.rows(500, seed=1)
    wrong = evaluation.change(labels={h: toy.num_classes[h] - 1 - evaluation.labels[h] for h in toy.num_classes})
    parts = SMALL | {"training__epochs": 5}
    stopping = toy.task(**parts, training__early_stopping={"patience": 2})
    stopped, full = toy.train(stopping, evaluation=wrong), toy.train(toy.task(**parts), evaluation=wrong)
    assert [len(stopped.history.epoch), len(full.history.epoch)] == [3, 5]
    losses = full.history.history["val_loss"]
    assert losses[0] == min(losses)
    assert losses[:3] == pytest.approx(stopped.history.history["val_loss"], rel=1e-5)
    kept = [model.evaluate(wrong.batches(stopping), return_dict=True, verbose=0)["loss"] for model in (stopped, full)]
    assert [losses[0], losses[-1]] == pytest.approx(kept, rel=1e-5)


def test_epochs_and_batch_size_give_the_number_of_updates(toy, tmp_path):
    model = toy.train(toy.task(**SMALL | {"training__epochs": 2, "training__batch_size": 400}), logs=tmp_path)
    assert model.history.epoch == [0, 1]
    assert 2 * math.ceil(1500 / 400) == int(model.optimizer.iterations)
    assert {"train", "validation"} == {file.parent.name for file in tmp_path.rglob("events.out.tfevents.*")}


def test_learning_rate_is_how_far_adam_goes(toy):
    # Adam's first step is as long as its rate in every weight that has a gradient.
    moved = {}
    for rate in (1e-6, 1e-3):
        task = toy.task(**SMALL | {"training__learning_rate": rate, "training__batch_size": 1500})
        moved[rate] = np.abs(weights_of(toy.train(task)) - weights_of(toy.build(task))).max()
    assert {rate: pytest.approx(rate, rel=0.1) for rate in moved} == moved


@pytest.mark.parametrize("trunk", ["mmoe", "ple"])
def test_every_trunk_learns_every_head(toy, trunk):
    accuracy = toy.quality(toy.train(toy.task(trunk=APART | {"type": trunk}))).accuracy
    assert [head for head in accuracy if accuracy[head] > LEARNT] == ["zebra", "mango", "apple"]


def test_independent_heads_learn_and_do_not_feel_each_other(toy, apart, without_mango):
    alone, beside = toy.quality(without_mango), toy.quality(apart)
    assert [head for head in beside.accuracy if beside.accuracy[head] > LEARNT] == ["zebra", "mango", "apple"]
    for head in ("zebra", "apple"):
        assert alone.log_loss[head] == pytest.approx(beside.log_loss[head], abs=1e-6)


@pytest.mark.parametrize(
    ("loss", "least"),
    [({"type": "focal", "gamma": 3.0}, LEARNT), ({"type": "logit_adjusted"}, LEARNT)],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_every_loss_learns_its_head_and_leaves_the_others_theirs(toy, plain, loss, least):
    quality = toy.quality(toy.train(toy.task(heads__mango__loss=loss)))
    for head, accuracy in quality.accuracy.items():
        assert accuracy > least, head
    assert quality.log_loss["mango"] != pytest.approx(toy.quality(plain).log_loss["mango"], abs=1e-3)


def test_label_smoothing_keeps_probabilities_from_the_edge(toy, plain):
    rows = toy.rows(1000, seed=2)

    def surest(model):
        return float(np.max(tf.nn.softmax(model(rows.features)["zebra"])))

    smooth = toy.train(toy.task(heads__zebra__loss={"label_smoothing": 0.4}))
    assert surest(smooth) < surest(plain) - 0.03
