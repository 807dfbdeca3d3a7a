"""Heads of tags, heads that see other heads' answers, and features that go missing on purpose."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.trainer import dataset
from components.trainer.balancing.scale import entropy
from components.trainer.model import class_shares

TAGS = 3


@pytest.fixture(scope="module")
def tagged(toy):
    """Rows with three tags: x > 0, y > 1, and both; a fifth of them unlabelled."""

    def draw(count=1500, seed=0):
        rows, rng = toy.rows(count, seed), np.random.default_rng(seed)
        x, y = rows.features["x_xf"] > 0, rows.features["y_xf"] > 1
        labels = np.stack([x, y, x & y], axis=1).astype(np.int64)
        weights = np.repeat(np.float32(rng.random((count, 1)) > 0.2), TAGS, axis=1)
        return rows.change(labels={"tags": labels}, weights={"tags": weights})

    return draw


@pytest.fixture(scope="module")
def task(toy):
    return toy.task(heads={"tags": {"type": "multilabel", "units": [8]}, "zebra": {"type": "multiclass", "units": [8]}})


def counts_of(rows):
    labelled = rows.labels["tags"][rows.weights["tags"][:, 0] > 0]
    with_tag = labelled.sum(axis=0)
    return {
        "tags": np.stack([len(labelled) - with_tag, with_tag], axis=1),
        "zebra": np.bincount(rows.labels["zebra"], minlength=2),
    }


def test_tags_start_at_their_shares_and_their_loss_is_a_mean_over_tags(toy, task, tagged):
    rows = tagged()
    counts = counts_of(rows)
    model = toy.build(task, counts)
    logits = model(rows.features)["tags"].numpy()
    assert logits.shape == (len(rows), TAGS, 2)
    shares = class_shares(counts["tags"])
    np.testing.assert_allclose(1 / (1 + np.exp(-logits[0, :, 1])), shares[:, 1], rtol=1e-4)
    results = model.test_step((rows.features, rows.labels, rows.weights))
    assert float(results["tags_loss"]) == pytest.approx(entropy(shares), rel=0.02)
    assert float(results["tags_accuracy"]) == pytest.approx(1 - shares.min(axis=1).mean(), abs=0.01)


def test_tags_are_learnt_and_masked_rows_have_no_say(toy, task, tagged):
    def train(rows):
        keras.utils.set_random_seed(0)
        model = toy.build(task, counts_of(rows))
        model.compile("adam", jit_compile=False)
        model.fit(rows.batches(task, seed=1), epochs=8, verbose=0)
        return model

    rows, unseen = tagged(), tagged(1000, seed=2)
    lies = np.where(rows.weights["tags"] > 0, rows.labels["tags"], 1 - rows.labels["tags"])
    models = [train(r) for r in (rows, rows.change(labels={"tags": lies}))]
    decided = models[0](unseen.features)["tags"].numpy().argmax(axis=-1)
    assert ((decided == unseen.labels["tags"]).mean(axis=0) > 0.9).all()
    for first, second in zip(*(model.trainable_variables for model in models), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)


def test_label_counts_of_tags_are_rows_without_and_with_each(sample, transform_output, tmp_path):
    rows = sample.rows
    columns = transform_output.transform_features_layer()(sample.parse(rows))
    names = ("tags_label", "tags_labelled")
    with tf.io.TFRecordWriter(f"{tmp_path}/rows.gz", tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for i in range(len(rows)):
            features = {
                "tags_label": tf.train.Feature(int64_list=tf.train.Int64List(value=columns["tags_label"][i].numpy())),
                "tags_labelled": tf.train.Feature(float_list=tf.train.FloatList(value=[columns["tags_labelled"][i]])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    spec = transform_output.transformed_feature_spec()
    counts = dataset.label_counts([f"{tmp_path}/*"], {name: spec[name] for name in names}, {"tags": ("x", "y", "z")})
    # Of seven rows one has no label, and two are labelled with no tag.
    assert counts["tags"].tolist() == [[2, 4], [5, 1], [5, 1]]


def test_probs_adds_the_other_heads_probabilities_to_the_input_and_no_gradient_flows_back(toy):
    def build(mode):
        return toy.build(toy.task(heads__zebra__depends_on=[{"head": "mango", "mode": mode}], heads__zebra__units=[]))

    features, probs = build("features"), build("probs")
    kernels = {mode: model.get_layer("zebra").kernel for mode, model in (("features", features), ("probs", probs))}
    assert {mode: kernel.shape[0] for mode, kernel in kernels.items()} == {"features": 32 + 8, "probs": 32 + 3}
    rows = toy.rows(20)
    reached = {}
    for mode, model in (("features", features), ("probs", probs)):
        kernels[mode].assign(np.ones(kernels[mode].shape) * [[0.0, 1.0]])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(rows.features)["zebra"])
        gradient = tape.gradient(loss, model.get_layer("mango_hidden_0").kernel)
        reached[mode] = gradient is not None and float(tf.norm(gradient)) > 0
    assert reached == {"features": True, "probs": False}
    # The answer itself is seen: another answer of mango's changes zebra's.
    before = probs(rows.features)["zebra"].numpy()
    probs.get_layer("mango").bias.assign([9.0, 0.0, 0.0])
    kernels["probs"].assign(np.random.default_rng(0).normal(size=kernels["probs"].shape))
    changed = probs(rows.features)["zebra"].numpy()
    probs.get_layer("mango").bias.assign([0.0, 9.0, 0.0])
    assert np.abs(changed - probs(rows.features)["zebra"].numpy()).min() > 1e-3
    assert before.shape == changed.shape


def test_a_head_may_depend_on_tags(toy):
    heads = {
        "tags": {"type": "multilabel", "units": [8]},
        "zebra": {"type": "multiclass", "units": [], "depends_on": [{"head": "tags", "mode": "probs"}]},
    }
    counts = {"tags": np.ones((TAGS, 2)), "zebra": np.ones(2)}
    assert toy.build(toy.task(heads=heads), counts).get_layer("zebra").kernel.shape[0] == 32 + TAGS


def test_feature_dropout_drops_features_whole_in_training_only(toy):
    model = toy.build(toy.task(trunk__feature_dropout=0.4, trunk__units=[]))
    fused = keras.Model(model.inputs, model.get_layer("fused").output)
    rows = toy.rows(2000)
    kept = fused(rows.features, training=False).numpy()
    colour = fused(rows.features, training=True).numpy()[:, 2:]
    is_dropped = (colour == 0).all(axis=1)
    assert is_dropped.mean() == pytest.approx(0.4, abs=0.04)
    np.testing.assert_allclose(colour[~is_dropped], kept[~is_dropped, 2:] / 0.6, rtol=1e-4)
    assert "dropout" not in {layer.name for layer in toy.build(toy.task(trunk__units=[])).layers}
