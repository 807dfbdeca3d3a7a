"""A loaded model answers as its signatures do, and says in a sentence what it cannot answer."""

import shutil

import numpy as np
import pytest

from components.servable import Servable
from schema.errors import DataError
from schema.names import MISSING_INT

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def rows(sample):
    return sample.draw(20, seed=1)


def test_it_says_what_it_is(exported, sample, servable, tmp_path):
    folder = exported / "Format-Serving"
    assert (folder, None, "sample") == (servable.folder, servable.version, servable.exported.task)
    assert set(sample.task.features) == set(servable.exported.features)
    copied = Servable.load(shutil.copytree(folder, tmp_path / "12"))
    assert (copied.folder, copied.version, copied.exported) == (tmp_path / "12", 12, servable.exported)


def test_both_ways_to_ask_agree(sample, servable, rows):
    by_feature, by_example = servable.predict(sample.columns(rows)), servable.predict_examples(sample.serialize(rows))
    assert by_feature.keys() == by_example.keys()
    for output, values in by_feature.items():
        if output.endswith("/scores"):
            np.testing.assert_allclose(values, by_example[output], atol=1e-5)
        else:
            assert values.tolist() == by_example[output].tolist()


def test_features_may_be_left_out(servable):
    marked = {"height": [1.0, np.nan], "age": [MISSING_INT] * 2, "city": ["oslo", ""], "photo": [b"", b""]}
    left_out = {"height": np.array([1.0, np.nan]), "city": ["oslo", ""], "age": []}
    for output, values in servable.predict(marked).items():
        np.testing.assert_array_equal(values, servable.predict(left_out)[output])


def test_evaluation_can_be_asked_too(sample, servable, rows):
    examples = sample.serialize(rows)
    evaluated = servable.predict_examples(examples, "evaluation")["zone"]
    np.testing.assert_allclose(evaluated, servable.predict_examples(examples)["zone/scores"], atol=1e-5)


def test_no_rows_are_answered_by_none(servable):
    assert servable.predict({})["mood/scores"].shape == servable.predict_examples([])["mood/scores"].shape == (0, 3)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"nope": [1]}, "'nope' is not a feature of the model; there are age, city, code,"),
        ({"height": [[1.0, 2.0]]}, r"'height' takes one value per row, got an array of shape \(1, 2\)"),
        ({"age": [1.5]}, "'age' takes int64 values, got float64"),
        ({"age": ["x"]}, "'age' takes int64 values, got <U1"),
        ({"height": ["x"]}, "'height' takes float32 values"),
        ({"note": [1]}, "'note' takes string values, got int64"),
        ({"note": np.array([1], object)}, "'note' takes string values"),
        ({"age": [1, 2, 3], "city": ["oslo"]}, r"one value per row.*\[3\].*\[city\].*\[1\]"),
        ({"photo": ["", b"abc"]}, "'photo', row 1: the image is none of PNG, JPEG, GIF, BMP"),
        ({"photo": ["abc"]}, "'photo', row 0: the image is none of PNG"),
        ({"photo": [PNG]}, "'photo', row 0: the image is a PNG file that is damaged"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_sentence(servable, columns, message):
    with pytest.raises(DataError, match=message) as refused:
        servable.predict(columns)
    for frame in ("\n", "{{", "Op:", "stack traces"):
        assert frame not in str(refused.value)


@pytest.mark.parametrize("signature", ["serving_tf_example", "evaluation", "transform_features"])
@pytest.mark.parametrize("damaged", [b"xxx", b"hallo", b'{"age": 3}', b"\xff\0", b"\x0a\x05" + b"q" * 4000])
def test_a_damaged_example_is_refused_in_a_sentence(servable, damaged, signature):
    sentence = "not a serialized tf.Example, or a damaged one; give what its SerializeToString() returns"
    for examples, row in (([damaged], ""), ([b"", damaged, b""], "row 1: ")):
        with pytest.raises(DataError) as refused:
            servable.predict_examples(examples, signature)
        assert str(refused.value) == row + sentence


def test_an_example_that_was_cut_off_is_damaged(sample, servable):
    good = sample.serialize([{"photo": "red", "city": "oslo"}])[0]
    with pytest.raises(DataError, match=r"^row 1: not a serialized tf.Example"):
        servable.predict_examples([good, good[:-3]])


def test_values_that_an_example_should_not_have_are_named(servable):
    import tensorflow as tf

    def example(name, **values):
        made = tf.train.Example()
        for kind, given in values.items():
            getattr(made.features.feature[name], f"{kind}_list").value.extend(given)
        return made.SerializeToString()

    for wrong, message in {
        example("age", float=[1.5]): "feature 'age' takes INT values, got another type",
        example("city", int64=[1]): "feature 'city' takes BYTES values, got another type",
        example("age", int64=[1, 2]): "feature 'age' takes one value, got several",
        example("photo", bytes=[b"abc"]): "feature 'photo': the image is none of PNG, JPEG, GIF, BMP",
    }.items():
        with pytest.raises(DataError) as refused:
            servable.predict_examples([b"", wrong])
        assert str(refused.value) == f"row 1: {message}"


def test_a_folder_without_a_model_is_refused(exported, tmp_path):
    with pytest.raises(DataError, match="only a model that multihead exported"):
        Servable.load(tmp_path)
    shutil.copytree(exported / "Format-Serving" / "assets.extra", tmp_path / "assets.extra")
    with pytest.raises(DataError, match="cannot be loaded as a SavedModel"):
        Servable.load(tmp_path)


def test_a_model_without_a_signature_says_so(exported, tmp_path):
    import tensorflow as tf

    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path))
    shutil.copytree(exported / "Format-Serving" / "assets.extra", tmp_path / "assets.extra", dirs_exist_ok=True)
    with pytest.raises(DataError, match="this model has no signature serving_default; export the model anew"):
        Servable.load(tmp_path).predict({})
