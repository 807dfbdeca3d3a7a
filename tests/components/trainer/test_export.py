"""The SavedModel, loaded without our code, against the Python model (fixtures in ../conftest.py)."""

import json

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax
from tensorflow.core.protobuf import saved_model_pb2

from components.exported import HEADS_FILE
from components.trainer.export import export, model_inputs
from components.trainer.model import build_model
from components.transform.features.vocabulary import numbers_of_ids


@pytest.fixture(scope="module")
def signatures(loaded):
    return loaded.signatures


@pytest.fixture(scope="module")
def rows(sample):
    """Rows with missing values, labels and images, categories outside the vocabulary and empty texts."""
    drawn = sample.draw(25)
    for column in ("height", "age", "score", "city", "code", "note", "photo", "tags"):
        assert {True, False} == {row[column] is None for row in drawn}
    assert "lima" in [row["city"] for row in drawn]
    assert "" in [row["note"] for row in drawn]
    assert {"red", "grey", "clear", None} == {row["photo"] for row in drawn}
    return drawn


@pytest.fixture(scope="module")
def answers(sample, signatures, rows):
    """Answers of every signature to the same rows."""
    by_feature = {name: tf.constant(values) for name, values in sample.columns(rows).items()}
    given = {name: {"examples": tf.constant(sample.serialize(rows))} for name in signatures}
    given["serving_default"] = by_feature
    return {name: {key: t.numpy() for key, t in sign(**given[name]).items()} for name, sign in signatures.items()}


@pytest.fixture(scope="module")
def log_p(sample, sample_model, transform_output, rows):
    """What the Python model and the Transform layer say of the rows, before calibration."""
    transformed = transform_output.transform_features_layer()(sample.parse(rows))
    logits = sample_model(model_inputs(transformed, sample.task, sample_model), training=False)
    return {head: tf.nn.log_softmax(values) for head, values in logits.items()}


@pytest.fixture(scope="module")
def probabilities(log_p, calibrations):
    """Calibrated scores of the rows."""
    return {head: np.asarray(calibrations[head].scores(values)) for head, values in log_p.items()}


def test_signatures_take_rows_and_answer_per_head(sample, signatures):
    by_example = {"serving_tf_example", "evaluation", "transform_features"}
    assert by_example | {"serving_default"} == set(signatures)
    for name in by_example:
        (given,) = signatures[name].structured_input_signature[1].values()
        assert (tf.string, [None]) == (given.dtype, given.shape.as_list())
    expected = {f"{head}/{part}" for head in sample.task.heads for part in ("scores", "classes", "label")}
    expected = expected - {"tags/label"} | {"tags/labels"}
    assert expected == set(signatures["serving_tf_example"].structured_outputs)
    assert expected == set(signatures["serving_default"].structured_outputs)
    expected = set(sample.task.heads) | {f"{head}/uncalibrated" for head in sample.task.heads}
    assert expected == set(signatures["evaluation"].structured_outputs)


@pytest.mark.parametrize("signature", ["serving_tf_example", "serving_default"])
def test_serving_scores_are_the_python_models_probabilities(answers, probabilities, signature):
    for head, expected in probabilities.items():
        assert expected.std(axis=0).max() > 0.01
        np.testing.assert_allclose(answers[signature][f"{head}/scores"], expected, atol=1e-5)


def test_both_ways_of_serving_decide_alike_and_name_the_same_classes(answers):
    for output, values in answers["serving_tf_example"].items():
        if not output.endswith("/scores"):
            assert values.tolist() == answers["serving_default"][output].tolist()


def test_evaluation_gives_the_probabilities_that_are_served(answers, probabilities):
    for head, expected in probabilities.items():
        evaluated = answers["evaluation"][head]
        np.testing.assert_allclose(evaluated, expected, atol=1e-5)
        if head != "tags":
            np.testing.assert_allclose(evaluated.sum(axis=1), 1, rtol=1e-5)


def test_evaluation_gives_the_probabilities_before_calibration_too(answers, log_p, probabilities):
    for head, values in log_p.items():
        expected = np.exp(values)[..., 1] if head == "tags" else np.exp(values)
        found = answers["evaluation"][f"{head}/uncalibrated"]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert np.abs(found - probabilities[head]).max() > 0.01


def test_the_served_label_is_the_class_with_the_highest_score_over_its_threshold(
    sample, answers, probabilities, calibrations
):
    moved = 0
    for head, classes in sample.classes.items():
        if head == "tags":
            continue
        names, labels = (answers["serving_tf_example"][f"{head}/{part}"] for part in ("classes", "label"))
        assert [[name.encode() for name in classes]] * len(labels) == names.tolist()
        decided = (probabilities[head] / calibrations[head].thresholds).argmax(axis=1)
        assert [classes[i].encode() for i in decided] == labels.tolist()
        moved += (decided != probabilities[head].argmax(axis=1)).sum()
    assert moved > 0


def test_the_served_tags_are_those_whose_score_reaches_its_threshold(sample, answers, probabilities, calibrations):
    tags, served = sample.classes["tags"], answers["serving_tf_example"]["tags/labels"]
    decided = probabilities["tags"] >= calibrations["tags"].thresholds
    assert [[tag.encode() if yes else b"" for tag, yes in zip(tags, row, strict=True)] for row in decided] == [
        row.tolist() for row in served
    ]
    assert 0 < decided.sum() < decided.size


def test_members_of_a_trunk_answer_as_one(sample, make_task, transform_output, calibrations, rows, tmp_path):
    task = make_task(sample.task.model_dump(mode="json") | {"trunk": {"units": [4], "dropout": 0.0, "members": 3}})
    model = build_model(task, numbers_of_ids(task, transform_output), sample.even_counts())
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, variable.shape[-1] ** -0.5, variable.shape))
    export(model, transform_output, task, calibrations, tmp_path)
    served = tf.saved_model.load(str(tmp_path)).signatures["evaluation"](tf.constant(sample.serialize(rows)))
    transformed = transform_output.transform_features_layer()(sample.parse(rows))
    logits = model(model_inputs(transformed, task, model), training=False)["mood"].numpy()
    assert logits.shape == (len(rows), 3, 3)
    np.testing.assert_allclose(served["mood/uncalibrated"], softmax(logits, axis=-1).mean(axis=1), atol=1e-5)


def test_transform_features_gives_labels_masks_and_features_as_in_training(sample, transform_output, rows, answers):
    expected = transform_output.transform_features_layer()(sample.parse(rows))
    transformed = answers["transform_features"]
    assert set(expected) == set(transformed)
    for name, values in expected.items():
        if name == "photo_xf":
            assert values.numpy().tolist() == transformed[name].tolist()
        else:
            np.testing.assert_allclose(transformed[name], values, rtol=1e-6)
    tags = [row["tags"] for row in rows]
    assert [float(value is not None) for value in tags] == transformed["tags_labelled"].tolist()
    assert [[int(tag in (row or ())) for tag in sample.classes["tags"]] for row in tags] == transformed[
        "tags_label"
    ].tolist()
    for head, classes in sample.classes.items():
        if head == "tags":
            continue
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


def test_serving_default_takes_a_tensor_per_feature_that_the_signature_itself_fills_in(sample, exported):
    saved = saved_model_pb2.SavedModel.FromString((exported / "Format-Serving" / "saved_model.pb").read_bytes())
    signature = saved.meta_graphs[0].signature_def["serving_default"]
    types = {"height": tf.float32, "score": tf.float32, "age": tf.int64, "code": tf.int64}
    types |= dict.fromkeys(("city", "note", "photo"), tf.string)
    assert types == {name: tf.as_dtype(given.dtype) for name, given in signature.inputs.items()}
    defaults = {name: tf.make_ndarray(value) for name, value in signature.defaults.items()}
    assert dict.fromkeys(sample.task.features, (0,)) == {name: value.shape for name, value in defaults.items()}


@pytest.mark.parametrize("left_out", [("photo",), ("age", "city"), ("height", "age", "score", "city", "code", "note")])
def test_a_feature_left_out_of_serving_default_is_missing_in_every_row(sample, signatures, rows, left_out):
    columns = {name: tf.constant(values) for name, values in sample.columns(rows).items()}
    for name in left_out:
        columns[name] = columns[name][:0]
    without = [{name: value for name, value in row.items() if name not in left_out} for row in rows]
    expected = signatures["serving_tf_example"](tf.constant(sample.serialize(without)))
    for output, values in signatures["serving_default"](**columns).items():
        np.testing.assert_array_equal(expected[output], values)


def test_features_of_different_lengths_are_refused_by_name(sample, signatures, rows):
    columns = {name: tf.constant(values) for name, values in sample.columns(rows).items()}
    columns |= {"age": columns["age"][:2], "photo": columns["photo"][:0], "city": columns["city"][:24]}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"one value per row.*\[25\].*age city.*\[2 24\]"):
        signatures["serving_default"](**columns)


@pytest.mark.parametrize("count", [0, 1])
def test_serving_default_answers_one_row_and_none(sample, signatures, rows, count):
    columns = {name: tf.constant(values[:count]) for name, values in sample.columns(rows).items()}
    answer = signatures["serving_default"](**columns)
    assert {(count, 3), (count,)} == {tuple(answer[key].shape) for key in ("mood/scores", "mood/classes", "mood/label")}
    expected = signatures["serving_tf_example"](tf.constant(sample.serialize(rows), tf.string))["mood/scores"]
    np.testing.assert_allclose(answer["mood/scores"], expected[:count], atol=1e-5)


@pytest.fixture(scope="module")
def of_images(sample, make_task, transform_output, calibrations, tmp_path_factory):
    """Signatures of a model whose only feature is an image, which two convolutions see."""
    task = sample.task.model_dump(mode="json")
    task = make_task(task | {"features": {"photo": task["features"]["photo"]}, "slices": [], "gates": {}})
    assert len(task.features["photo"].encoder.filters) == 2
    folder = tmp_path_factory.mktemp("of_images")
    export(build_model(task, {}, sample.even_counts()), transform_output, task, calibrations, folder)
    return tf.saved_model.load(str(folder)).signatures


@pytest.mark.parametrize("name", ["serving_default", "serving_tf_example", "evaluation", "transform_features"])
@pytest.mark.parametrize("model", ["signatures", "of_images"])
def test_a_batch_without_rows_is_answered_by_none(model, name, request):
    sign = request.getfixturevalue(model)[name]
    given = {column: tf.zeros([0], spec.dtype) for column, spec in sign.structured_input_signature[1].items()}
    answer = sign(**given)
    expected = {output: (0, *spec.shape[1:]) for output, spec in sign.structured_outputs.items()}
    assert expected == {output: tuple(values.shape) for output, values in answer.items()}


def test_an_image_and_none_are_answered_by_a_model_of_images(sample, of_images):
    rows = [{"photo": "red"}, {"photo": None}, {"photo": "grey"}]
    by_example = of_images["serving_tf_example"](tf.constant(sample.serialize(rows)))
    by_feature = of_images["serving_default"](photo=tf.constant([sample.photos()["red"], b"", sample.photos()["grey"]]))
    for answer in (by_example, by_feature):
        assert answer["mood/scores"].shape == (3, 3)
    np.testing.assert_allclose(by_example["mood/scores"], by_feature["mood/scores"], atol=1e-5)


def test_what_is_to_be_known_of_the_model_lies_beside_it(sample, exported, calibrations):
    told = json.loads((exported / "Format-Serving" / "assets.extra" / HEADS_FILE).read_text())
    assert told["task"] == "sample"
    assert list(told["features"]) == list(sample.task.features)
    assert told["features"]["age"] == {"type": "numeric", "dtype": "INT"}
    assert told["features"]["code"] == {"type": "categorical", "dtype": "INT"}
    assert told["features"]["score"] == {"type": "numeric", "dtype": "FLOAT"}
    assert told["features"]["photo"] == {"type": "image", "dtype": "BYTES"}
    written = told["heads"]
    assert sample.classes == {head: tuple(values["classes"]) for head, values in written.items()}
    assert written["tags"] == {
        "type": "multilabel",
        "classes": ["x", "y", "z"],
        "thresholds": calibrations["tags"].thresholds.tolist(),
        "temperature": calibrations["tags"].temperature,
    }


def test_tables_that_nothing_asks_are_left_out(sample, exported):
    folder = exported / "Format-Serving"
    graph = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs[0]
    tables = [node for node in graph.object_graph_def.nodes if node.WhichOneof("kind") == "resource"]
    assert len(tables) == len(graph.asset_file_def) == len(list((folder / "assets").iterdir())) > 1
