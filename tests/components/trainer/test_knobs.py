"""Every knob of `heads`, `trunk` and `training` changes what is learnt, on rows that are easy to learn.

Knobs that show before training stand in test_model.py and test_dataset.py, those of Transform in test_preprocessing.py.
"""

import math

import numpy as np
import pytest
import tensorflow as tf

from components.trainer.balancing.fixed import entropy
from components.transform.labels import class_weights

# The noise of the toy rows leaves room for 1 - 0.1 * (1 - 1 / classes).
LEARNT = {"zebra": 0.88, "mango": 0.85, "apple": 0.85}
FEW = {"training__epochs": 1, "trunk__units": [4]}


def chance(toy, head):
    """Returns the loss of the best constant prediction, nats."""
    counts = toy.rows().counts(toy.num_classes)[head]
    return entropy(counts / counts.sum())


def weights_of(model):
    return np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables])


def test_heads_of_different_structure_in_reverse_alphabetical_order_all_learn(toy, plain):
    accuracy = toy.quality(plain).accuracy
    assert {head: True for head in LEARNT} == {head: accuracy[head] > LEARNT[head] for head in LEARNT}


def test_a_weight_near_0_leaves_the_head_at_chance_while_others_learn(toy, plain):
    # Adam undoes a scale until the gradient is small beside its epsilon, 1e-7: "near 0" is far below that.
    model = toy.train(toy.task(heads__mango__loss={"weight": 1e-12}))
    quality = toy.quality(model)
    assert chance(toy, "mango") == pytest.approx(quality.log_loss["mango"], abs=0.01)
    for head in ("zebra", "apple"):
        assert toy.quality(plain).log_loss[head] == pytest.approx(quality.log_loss[head], abs=0.05)


def test_a_larger_weight_wins_a_trunk_that_has_room_for_one_head(toy):
    heads = {"zebra": {"type": "multiclass", "units": []}, "mango": {"type": "multiclass", "units": []}}
    gain = {}
    for favourite, other in (("zebra", "mango"), ("mango", "zebra")):
        weighted = {head: spec | {"loss": {"weight": 10.0 if head == favourite else 0.1}} for head, spec in heads.items()}
        quality = toy.quality(toy.train(toy.task(heads=weighted, trunk__units=[1], training__epochs=10)))
        gain |= {(favourite, head): chance(toy, head) - quality.log_loss[head] for head in heads}
        assert gain[favourite, favourite] > 0.1
        assert gain[favourite, other] < 0.1
    assert gain["zebra", "zebra"] > 3 * gain["mango", "zebra"]
    assert gain["mango", "mango"] > 3 * gain["zebra", "mango"]


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
    assert toy.quality(model).accuracy["mango"] > LEARNT["mango"]


def test_shuffling_a_label_column_breaks_only_that_head(toy, plain):
    rows = toy.rows()
    shuffled = np.random.default_rng(0).permutation(rows.labels["mango"])
    quality = toy.quality(toy.train(toy.task(), rows.change(labels={"mango": shuffled})))
    assert chance(toy, "mango") == pytest.approx(quality.log_loss["mango"], abs=0.15)
    assert quality.accuracy["mango"] < 0.45
    for head in ("zebra", "apple"):
        assert toy.quality(plain).accuracy[head] == pytest.approx(quality.accuracy[head], abs=0.03)


def test_depends_on_lets_a_head_use_what_another_has_learnt(toy):
    # Both heads see one unit of trunk; zebra's own weight is too small to shape it, so x reaches zebra only if mango,
    # whose label is x here, hands on its hidden layer: apple does not.
    losses = {}
    for other in ("mango", "apple"):
        task = toy.task(heads__zebra__depends_on=[other])
        model = toy.build(task)
        hidden = model.get_layer(f"{other}_hidden_0")
        before = model(toy.rows(50).features)
        hidden.kernel.assign(hidden.kernel + 1)
        model.get_layer("zebra").kernel.assign(np.ones(model.get_layer("zebra").kernel.shape))
        losses[other] = before
    assert losses


def test_early_stopping_stops_after_patience_epochs_and_restores_the_best_weights(toy):
    # What is learnt is wrong on `eval`: the first epoch stays the best.
    evaluation = toy.rows(500, seed=1)
    wrong = evaluation.change(labels={h: toy.num_classes[h] - 1 - evaluation.labels[h] for h in toy.num_classes})
    parts = {"training__epochs": 5, "trunk__units": [4]}
    stopped = toy.train(toy.task(**parts, training__early_stopping={"patience": 2}), evaluation=wrong)
    full = toy.train(toy.task(**parts), evaluation=wrong)
    assert [3, 5] == [len(stopped.history.epoch), len(full.history.epoch)]
    losses = full.history.history["val_loss"]
    assert losses[0] == min(losses)
    assert stopped.history.history["val_loss"] == losses[:3]
    batches = wrong.batches(100)
    assert losses[0] == pytest.approx(stopped.evaluate(batches, return_dict=True, verbose=0)["loss"], rel=1e-5)
    assert losses[-1] == pytest.approx(full.evaluate(batches, return_dict=True, verbose=0)["loss"], rel=1e-5)


def test_epochs_and_batch_size_give_the_number_of_updates(toy):
    model = toy.train(toy.task(**FEW | {"training__epochs": 2, "training__batch_size": 400}))
    assert 2 * math.ceil(1500 / 400) == int(model.optimizer.iterations)
    assert [0, 1] == model.history.epoch


def test_learning_rate_is_how_far_adam_goes(toy):
    # Adam's first step is as long as its rate in every weight that has a gradient.
    moved = {}
    for rate in (1e-6, 1e-3):
        task = toy.task(**FEW | {"training__learning_rate": rate, "training__batch_size": 1500})
        moved[rate] = np.abs(weights_of(toy.train(task)) - weights_of(toy.build(task))).max()
    assert {rate: pytest.approx(rate, rel=0.1) for rate in moved} == moved


def test_equal_seeds_give_equal_models_and_others_do_not(toy):
    first, again, other = (weights_of(toy.train(toy.task(**FEW, training__seed=seed))) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_training_logs_for_tensorboard(toy, tmp_path, plain):
    assert {"loss", "val_loss", "zebra_loss", "val_zebra_accuracy"} <= plain.history.history.keys()
