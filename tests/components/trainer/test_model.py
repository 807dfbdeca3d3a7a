"""The structure of the model and its loss, before any training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.trainer.balancing.scale import MIN_ENTROPY, entropy, scales
from components.trainer.model import labelled_mean
from components.trainer.trunks import TRUNKS

BATCH = 400


@pytest.fixture(scope="module")
def rows(toy):
    return toy.rows(BATCH, seed=5)


@pytest.fixture(scope="module")
def scattered(toy):
    """A model whose answers differ from row to row; none of these tests trains it."""
    model = toy.build(toy.task())
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return model


def loss_of(model, rows):
    """Returns the total loss and the metrics of one batch."""
    for metric in model.metrics:
        metric.reset_state()
    results = model.test_step((rows.features, rows.labels, rows.weights))
    return float(results.pop("loss")), {name: float(value) for name, value in results.items()}


def sizes(model):
    return {layer.name: layer.count_params() for layer in model.layers if layer.count_params()}


def masked(rows, head, keep):
    return rows.change(weights={head: rows.weights[head] * keep.astype(np.float32)})


def test_labelled_mean_divides_by_labelled_rows_not_by_the_batch():
    values, weights, mask = map(np.float32, ([1, 2, 100, 100], [1, 3, 0, 0], [1, 1, 0, 0]))
    assert float(labelled_mean(values, weights, mask)) == (1 * 1 + 3 * 2) / 2


def test_labelled_mean_of_no_labelled_row_is_0():
    assert float(labelled_mean(np.float32([5, 7]), np.zeros(2, "float32"), np.zeros(2, "float32"))) == 0.0


def test_labelled_mean_keeps_its_scale_when_rows_are_masked_at_random():
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, size=4000).astype("float32")
    means = [float(labelled_mean(values, mask, mask)) for mask in np.float32(rng.random((50, 4000)) < 0.5)]
    assert values.mean() == pytest.approx(np.mean(means), rel=0.01)


def test_labelled_mean_does_not_scale_up_a_batch_without_the_rare_class():
    # Four rows of the frequent class, weight 0.5: the batch counts for half, as in the mean over all rows.
    assert float(labelled_mean(np.full(4, 2, "float32"), np.full(4, 0.5, "float32"), np.ones(4, "float32"))) == 1.0


def test_masking_half_of_a_heads_rows_does_not_change_the_scale_of_its_loss(scattered, rows):
    total, metrics = loss_of(scattered, rows)
    half = np.random.default_rng(1).random(BATCH) < 0.5
    half_total, half_metrics = loss_of(scattered, masked(rows, "mango", half))
    assert metrics["mango_loss"] == pytest.approx(half_metrics["mango_loss"], rel=0.15)
    assert total == pytest.approx(half_total, rel=0.1)
    assert metrics["zebra_loss"] == half_metrics["zebra_loss"]


def test_a_batch_without_a_labelled_row_of_a_head_gives_0_and_trains_nothing_of_it(scattered, rows):
    unlabelled = masked(rows, "mango", np.zeros(BATCH))
    with tf.GradientTape() as tape:
        losses, _ = scattered.head_losses(unlabelled.labels, scattered(rows.features), unlabelled.weights)
        total = sum(losses)
    gradients = tape.gradient(total, scattered.trainable_variables)
    norms = {
        variable.path: float(tf.norm(tf.convert_to_tensor(gradient)))
        for variable, gradient in zip(scattered.trainable_variables, gradients, strict=True)
    }
    assert np.isfinite(float(total))
    assert np.isfinite(list(norms.values())).all()
    assert {0.0} == {norm for path, norm in norms.items() if "mango" in path}
    assert all(norm > 0 for path, norm in norms.items() if "mango" not in path)
    assert loss_of(scattered, unlabelled)[1]["mango_loss"] == 0.0


def test_what_a_masked_row_says_does_not_matter(scattered, rows):
    keep = np.arange(BATCH) % 3 > 0
    half = masked(rows, "apple", keep)
    lies = half.change(labels={"apple": np.where(keep, rows.labels["apple"], 3 - rows.labels["apple"])})
    assert loss_of(scattered, half) == loss_of(scattered, lies)


def test_accuracy_counts_labelled_rows_only(scattered, rows):
    logits = scattered(rows.features)["zebra"].numpy()
    right = logits.argmax(axis=1) == rows.labels["zebra"]
    keep = np.arange(BATCH) % 4 == 0
    _, metrics = loss_of(scattered, masked(rows, "zebra", keep))
    assert right[keep].mean() == pytest.approx(metrics["zebra_accuracy"])
    assert right.mean() != pytest.approx(metrics["zebra_accuracy"], abs=1e-3)


def test_class_weights_multiply_the_rows_loss(scattered, rows):
    _, plain = loss_of(scattered, rows)
    _, double = loss_of(scattered, rows.change(weights={"apple": np.full(BATCH, 2, np.float32)}))
    assert 2 * plain["apple_loss"] == pytest.approx(double["apple_loss"], rel=1e-5)
    assert plain["apple_accuracy"] == double["apple_accuracy"]


def test_the_total_is_the_sum_of_weighted_head_losses_over_the_priors_entropy(toy, rows):
    model = toy.build(toy.task(heads__mango__loss={"weight": 0.25}))
    total, metrics = loss_of(model, rows)
    counts = toy.rows().counts(toy.num_classes)
    expected = sum(
        weight * metrics[f"{head}_loss"] / entropy(counts[head] / counts[head].sum())
        for head, weight in {"zebra": 1.0, "mango": 0.25, "apple": 1.0}.items()
    )
    assert expected == pytest.approx(total, rel=1e-3)


def test_outputs_are_the_heads_by_name_in_the_tasks_order(toy, rows):
    outputs = toy.build(toy.task())(rows.features)
    expected = {"zebra": (BATCH, 2), "mango": (BATCH, 3), "apple": (BATCH, 4)}
    assert list(expected.items()) == [(head, tuple(logits.shape)) for head, logits in outputs.items()]


def test_the_first_prediction_is_the_prior_and_the_first_losses_are_its_entropy(toy, rows):
    counts = {"zebra": np.array([980, 20]), "mango": np.array([0, 500, 500]), "apple": np.array([1, 2, 3, 4]) * 100}
    model = toy.build(toy.task(), counts)
    priors = {head: (rows + 1) / (rows + 1).sum() for head, rows in counts.items()}
    for head, logits in model(rows.features).items():
        np.testing.assert_allclose(np.exp(logits), np.tile(priors[head], (BATCH, 1)), rtol=1e-5)
    rng = np.random.default_rng(0)
    labels = {head: rng.choice(len(p), BATCH * 50, p=p) for head, p in priors.items()}
    for head, prior in priors.items():
        loss = -np.log(prior)[labels[head]].mean()
        assert loss == pytest.approx(entropy(prior), abs=0.02)
        drawn = labels[head][:BATCH]
        _, metrics = loss_of(model, rows.change(labels={head: drawn}))
        assert -np.log(prior)[drawn].mean() == pytest.approx(metrics[f"{head}_loss"], rel=1e-5)


def test_a_head_of_one_class_only_does_not_explode(toy, rows):
    model = toy.build(toy.task(), toy.rows().counts(toy.num_classes) | {"zebra": np.array([1500, 0])})
    total, metrics = loss_of(model, rows.change(labels={"zebra": np.zeros(BATCH, np.int64)}))
    assert metrics["zebra_loss"] / MIN_ENTROPY < 0.1
    assert np.isfinite(total)


def test_trunk_units_heads_units_and_embedding_size_give_the_parameters(toy):
    encoded, colours = 2 + 5, toy.num_ids["colour"]
    model = toy.build(
        toy.task(
            features__colour__embedding=5,
            trunk__units=[11, 6],
            heads__zebra__units=[7, 3],
            heads__mango__units=[],
        )
    )
    expected = {
        "colour_embedding": colours * 5,
        "trunk_0": (encoded + 1) * 11,
        "trunk_1": (11 + 1) * 6,
        "zebra_hidden_0": (6 + 1) * 7,
        "zebra_hidden_1": (7 + 1) * 3,
        "zebra": (3 + 1) * 2,
        "mango": (6 + 1) * 3,
        "apple_hidden_0": (6 + 1) * 8,
        "apple": (8 + 1) * 4,
    }
    assert expected == sizes(model)


def test_depends_on_joins_the_other_heads_hidden_layer_to_the_input(toy):
    without, with_it = (toy.build(toy.task(**parts)) for parts in ({}, {"heads__zebra__depends_on": ["mango"]}))
    changed = {
        name: (sizes(without)[name], size) for name, size in sizes(with_it).items() if size != sizes(without)[name]
    }
    # mango's hidden layer has 8 units, and so has zebra's.
    assert changed == {"zebra_hidden_0": ((32 + 1) * 8, (32 + 8 + 1) * 8)}


def test_a_head_may_stand_before_and_far_from_what_it_depends_on(toy, rows):
    model = toy.build(toy.task(heads__zebra__depends_on=["mango"], heads__mango__depends_on=["apple"]))
    layers = [layer.name for layer in model.layers]
    assert layers.index("apple_hidden_0") < layers.index("mango_hidden_0") < layers.index("zebra_hidden_0")
    assert list(model(rows.features)) == ["zebra", "mango", "apple"]


def test_depends_on_trains_the_other_heads_hidden_layer_too(toy, rows):
    model = toy.build(toy.task(heads__zebra__depends_on=["mango"], heads__zebra__units=[]))
    model.get_layer("zebra").kernel.assign(keras.ops.ones(model.get_layer("zebra").kernel.shape) * [[0.0, 1.0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(rows.features)["zebra"])
    assert float(tf.norm(tape.gradient(loss, model.get_layer("mango_hidden_0").kernel))) > 0


def test_missing_indicator_is_an_input_that_the_first_layer_sees(toy):
    without = toy.build(toy.task())
    with_it = toy.build(toy.task(features__x={"type": "numeric"}))
    assert {"x_missing"} == {i.name for i in with_it.inputs} - {i.name for i in without.inputs}
    assert sizes(with_it)["trunk_0"] - sizes(without)["trunk_0"] == 32


def test_a_single_feature_needs_no_concatenation(toy):
    model = toy.build(toy.task(features={"x": {"type": "numeric", "missing_indicator": False}}))
    assert [column.name for column in model.inputs] == ["x_xf"]
    assert sizes(model)["trunk_0"] == (1 + 1) * 32


def test_dropout_drops_in_training_only_and_can_be_off(toy, rows):
    hidden = tf.ones((200, 8))

    def trunk(rate):
        spec = toy.task(trunk__dropout=rate, trunk__units=[64]).trunk
        inputs = keras.Input((8,))
        return keras.Model(inputs, TRUNKS["shared"](lambda _: inputs, spec, ["h"])["h"])

    model, off = trunk(0.75), trunk(0.0)
    np.testing.assert_array_equal(model(hidden, training=False), model(hidden, training=False))
    active = np.any(model(hidden, training=False) > 0, axis=0)
    dropped = np.mean(np.array(model(hidden, training=True))[:, active] == 0)
    assert dropped == pytest.approx(0.75, abs=0.03)
    np.testing.assert_array_equal(off(hidden, training=True), off(hidden, training=False))


def test_every_head_sees_the_same_trunk(toy):
    inputs = keras.Input((3,))
    trunks = TRUNKS["shared"](lambda _: inputs, toy.task().trunk, ["zebra", "apple"])
    assert trunks["zebra"] is trunks["apple"]


def test_loss_of_an_epoch_is_over_labelled_rows_even_if_a_batch_has_none(toy):
    task = toy.task(training__batch_size=50)
    mask = np.repeat([0.0, 1.0], 50).astype("float32")
    rows = toy.rows(100).change(weights={"mango": mask})
    model = toy.build(task)
    model.compile("adam", jit_compile=False)
    results = model.evaluate(rows.batches(task), return_dict=True, verbose=0)
    labels, logits = rows.labels["mango"][50:], model(rows.features)["mango"].numpy()[50:]
    mango = -tf.nn.log_softmax(logits).numpy()[np.arange(50), labels].mean()
    assert results["mango_loss"] == pytest.approx(mango, rel=1e-4)
    priors = {head: (n + 1) / (n.sum() + len(n)) for head, n in toy.rows().counts(toy.num_classes).items()}
    weights = scales(dict.fromkeys(priors, 1.0), priors)
    expected = sum(weights[head] * results[f"{head}_loss"] for head in weights)
    assert results["loss"] == pytest.approx(expected, rel=1e-4)
