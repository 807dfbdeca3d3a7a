"""Reference system 2 of the multi-input models: words through an LSTM, a picture through InceptionV3, several heads."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.trainer.export import export, model_inputs
from components.trainer.model import build_model
from components.transform.features.vocabulary import numbers_of_ids

SHAPE = [75, 75, 3]


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """What somebody who has the weights gives, here of a random start: a file, and what is in it."""
    keras.utils.set_random_seed(7)
    inception = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg", input_shape=SHAPE)
    file = tmp_path_factory.mktemp("weights") / "inception.weights.h5"
    inception.save_weights(file)
    return file, inception.get_weights()


def test_inception_v3_loads_its_weights_trains_a_step_is_exported_and_serves(
    sample, make_task, transform_output, calibrations, given, tmp_path
):
    weights_file, weights = given
    data = json.loads(sample.task.to_json())
    data["features"]["photo"] |= {"shape": SHAPE}
    data["features"]["photo"]["encoder"] = {"type": "inception_v3", "weights": str(weights_file), "trainable": True}
    data["features"]["note"]["encoder"] = {"type": "lstm", "embedding": 8, "units": 64}
    task = make_task(data)
    model = build_model(task, numbers_of_ids(task, transform_output), sample.even_counts())

    inception = model.get_layer("photo_inception_v3")
    assert inception.output.shape == (None, 2048)
    for loaded, expected in zip(inception.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(loaded, expected)

    transformed = transform_output.transform_features_layer()(sample.parse(sample.rows))
    inputs = model_inputs(transformed, task, model)
    labels = {head: transformed[f"{head}_label"] for head in task.heads}
    label_weights = {head: tf.ones(labels[head].shape) for head in task.heads}
    # To trace two steps through three hundred layers would take longer than to take them.
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    before = [variable.numpy() for variable in inception.trainable_variables]
    losses = [model.train_on_batch(inputs, labels, label_weights, return_dict=True)["loss"] for _ in range(2)]
    assert np.isfinite(losses).all()
    # From the second step on: heads start at the prior, with kernels of zeros.
    after = [variable.numpy() for variable in inception.trainable_variables]
    assert any((old != new).any() for old, new in zip(before, after, strict=True))

    export(model, transform_output, task, calibrations, tmp_path)
    served = tf.saved_model.load(str(tmp_path)).signatures["evaluation"](tf.constant(sample.serialize(sample.rows)))
    logits = model(inputs, training=False)
    np.testing.assert_allclose(
        served["mood/uncalibrated"], keras.ops.softmax(logits["mood"], axis=-1), rtol=1e-3, atol=1e-5
    )
