"""Requests answered by a real model: what it does not take is told by row and feature."""

import base64
import json

import numpy as np
import pytest

from pipeline.serve import predicting, protocol
from pipeline.serve.batching import Batcher
from pipeline.serve.errors import RequestError


def b64(value):
    return {"b64": base64.b64encode(value).decode()}


@pytest.fixture
def ask(servable):
    batcher, taken = Batcher(max_rows=8), protocol.signatures(servable.exported)
    yield lambda **content: json.loads(predicting.predict(batcher, servable, taken, json.dumps(content).encode(), 8))
    batcher.close()


@pytest.fixture
def example():
    def serialize(**features):
        import tensorflow as tf

        example = tf.train.Example()
        for name, value in features.items():
            kind = {float: "float_list", int: "int64_list", bytes: "bytes_list"}[type(value)]
            getattr(example.features.feature[name], kind).value.append(value)
        return b64(example.SerializeToString())

    return serialize


def test_rows_columns_and_examples_agree(ask, example, photo):
    rows = ask(instances=[{"amount": 3.0, "colour": "red"}, {"count": 1, "photo": b64(photo)}])["predictions"]
    by_column = ask(inputs={"amount": [3, None], "colour": ["red", None], "count": [0, 1], "photo": [None, b64(photo)]})
    examples = [example(amount=3.0, colour=b"red"), example(count=1, photo=photo)]
    assert ask(signature_name="serving_tf_example", instances=examples)["predictions"] == rows
    assert {name: [row[name] for row in rows] for name in rows[0]} == by_column["outputs"]
    assert rows[0]["kind/label"] == "dog"
    np.testing.assert_allclose(rows[0]["kind/scores"], [0.31, 0.69], atol=1e-6)
    assert [row["tags/labels"] for row in rows] == [["", "red"], ["round", ""]]


def test_a_broken_image_is_named(ask, photo):
    with pytest.raises(
        RequestError, match=r"^instances\[2\]: feature 'photo': the image is a PNG file that is damaged"
    ):
        ask(instances=[{"photo": b64(photo)}, {}, {"photo": b64(photo[:40])}, {}])
    with pytest.raises(RequestError, match=r"^inputs, row 1: feature 'photo': the image is none of PNG, "):
        ask(inputs={"photo": [b64(photo), b64(b"GIF")]})


def test_a_damaged_example_is_named(ask, example):
    with pytest.raises(RequestError, match=r"^instances\[1\]: not a serialized tf.Example, or a damaged one"):
        ask(signature_name="serving_tf_example", instances=[example(amount=1.0), b64(b"no" * 10_000)])


def test_a_damaged_example_that_is_no_text_is_named(ask, example):
    with pytest.raises(RequestError, match=r"^instances\[1\]: not a serialized tf.Example, or a damaged one"):
        ask(signature_name="serving_tf_example", instances=[example(amount=1.0), b64(b"\x89PNG\r\n\x1a\n")])


def test_an_example_of_another_type_is_named(ask, example):
    with pytest.raises(RequestError, match=r"^instances\[1\]: feature 'amount' takes FLOAT values"):
        ask(signature_name="serving_tf_example", instances=[example(amount=1.0), example(amount=b"1")])


def test_what_is_said_of_it_is_short(ask):
    with pytest.raises(RequestError) as error:
        ask(signature_name="serving_tf_example", instances=[b64(b"no" * 10_000)])
    assert len(str(error.value)) < 400


def test_an_answer_that_is_not_finite_names_its_row(ask):
    with pytest.raises(RequestError, match=r"instances\[1\]: the answer 'kind/scores' is not finite"):
        ask(instances=[{}, {"amount": 3e38}])
