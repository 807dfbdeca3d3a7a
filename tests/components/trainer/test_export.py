"""The SavedModel, loaded without our code, against the Python model (fixtures in ../conftest.py)."""

import json

import numpy as np
import pytest
import tensorflow as tf

from components.trainer.export import HEADS_FILE


@pytest.fixture(scope="module")
def signatures(exported):
    return tf.saved_model.load(str(exported / "Format-Serving")).signatures


@pytest.fixture(scope="module")
def rows(sample):
    return sample.draw(25)


@pytest.fixture(scope="module")
def answers(sample, signatures, rows):
    """Answers of every signature to the same rows."""
    examples = tf.constant(sample.serialize(rows))
    return {name: {key: t.numpy() for key, t in sign(examples).items()} for name, sign in signatures.items()}


@pytest.fixture(scope="module")
def probabilities(sample, sample_model, transform_output, rows):
    """What the Python model and the Transform layer say of the rows."""
    transformed = transform_output.transform_features_layer()(sample.parse(rows))
    logits = sample_model({column.name: transformed[column.name] for column in sample_model.inputs}, training=False)
    return {head: tf.nn.softmax(values).numpy() for head, values in logits.items()}


def test_signatures_take_examples_and_answer_per_head(sample, signatures):
    assert {"serving_tf_example", "evaluation", "transform_features"} == set(signatures)
    for signature in signatures.values():
        (given,) = signature.structured_input_signature[1].values()
        assert (tf.string, [None]) == (given.dtype, given.shape.as_list())
    expected = {f"{head}/{part}" for head in sample.task.heads for part in ("scores", "classes", "label")}
    assert expected == set(signatures["serving_tf_example"].structured_outputs)
    assert set(sample.task.heads) == set(signatures["evaluation"].structured_outputs)


def test_serving_scores_are_the_python_models_probabilities(answers, probabilities):
    for head, expected in probabilities.items():
        assert expected.std(axis=0).max() > 0.01
        np.testing.assert_allclose(answers["serving_tf_example"][f"{head}/scores"], expected, atol=1e-5)


def test_evaluation_gives_the_probabilities_that_are_served(answers, probabilities):
    for head, expected in probabilities.items():
        evaluated = answers["evaluation"][head]
        np.testing.assert_allclose(evaluated, expected, atol=1e-5)
        np.testing.assert_allclose(evaluated.sum(axis=1), 1, rtol=1e-5)


def test_the_served_label_is_the_class_with_the_highest_score(sample, answers, probabilities):
    for head, classes in sample.classes.items():
        names, labels = (answers["serving_tf_example"][f"{head}/{part}"] for part in ("classes", "label"))
        assert [[name.encode() for name in classes]] * len(labels) == names.tolist()
        assert [classes[i].encode() for i in probabilities[head].argmax(axis=1)] == labels.tolist()


def test_transform_features_gives_labels_masks_and_features_as_in_training(sample, transform_output, rows, answers):
    expected = transform_output.transform_features_layer()(sample.parse(rows))
    transformed = answers["transform_features"]
    assert set(expected) == set(transformed)
    for name, values in expected.items():
        np.testing.assert_allclose(transformed[name], values, rtol=1e-6)
    for head, classes in sample.classes.items():
        given = [row[head] for row in rows]
        labelled = transformed[f"{head}_labelled"]
        assert [float(value is not None) for value in given] == labelled.tolist()
        decoded = [
            classes[i] if known else None for i, known in zip(transformed[f"{head}_label"], labelled, strict=True)
        ]
        assert given == decoded


@pytest.mark.parametrize("name", ["serving_tf_example", "evaluation"])
def test_labels_in_a_request_are_not_read(sample, signatures, rows, answers, name):
    without = [{column: value for column, value in row.items() if column not in sample.classes} for row in rows]
    for key, values in signatures[name](tf.constant(sample.serialize(without))).items():
        np.testing.assert_array_equal(answers[name][key], values)
    wrong = {"zone": tf.train.Feature(int64_list=tf.train.Int64List(value=[1]))}
    signatures[name](tf.constant([tf.train.Example(features=tf.train.Features(feature=wrong)).SerializeToString()]))


def test_features_that_are_missing_in_a_request_are_missing_values(sample, signatures):
    (scores,) = (
        signatures["serving_tf_example"](tf.constant(sample.serialize(rows)))["zone/scores"].numpy()
        for rows in [[{}, {"city": "lima"}, {"city": None, "day": "mon"}, {"unheard_of": "x", "height": 1.0}]]
    )
    assert scores.shape == (4, 2)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[0], scores[2])
    assert np.abs(scores[0] - scores[1]).max() > 1e-3
    assert np.abs(scores[0] - scores[3]).max() > 1e-3


def test_a_batch_without_rows_is_answered(signatures):
    answer = signatures["serving_tf_example"](tf.zeros([0], tf.string))
    assert {(0, 3), (0,)} == {tuple(answer[key].shape) for key in ("mood/scores", "mood/classes", "mood/label")}


def test_the_classes_lie_beside_the_model(sample, exported):
    written = json.loads((exported / "Format-Serving" / "assets.extra" / HEADS_FILE).read_text())
    assert {"heads": {head: list(classes) for head, classes in sample.classes.items()}} == written
