"""Text columns through TensorFlow Transform: learnt once, then as the saved graph gives them."""

import numpy as np
import pytest
import tensorflow as tf

from components.transform.features.text import tokenize
from components.transform.features.vocabulary import num_ids
from schema.features import TextFeature

_TEXTS = ["The cat, the CAT!", "the dog", None, "", "a cat sat: the end of it", "!?"]
_FEATURES = {
    # Both see the same texts.
    "wide": TextFeature(type="text", tokens=5, vocabulary=100),
    "narrow": TextFeature(type="text", tokens=2, vocabulary=2, oov=3),
    "empty": TextFeature(type="text", tokens=2),
}


@pytest.fixture(scope="module")
def learnt(learn):
    return learn(_FEATURES, {"wide": _TEXTS, "narrow": _TEXTS, "empty": [None, "...", ""]})


@pytest.fixture(scope="module")
def output(learnt):
    return learnt[0]


@pytest.fixture(scope="module")
def transform(learnt):
    return learnt[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("don't stop-me_now", ["don", "t", "stop", "me", "now"]),
        ("ÉCOLE Straße ΣΟΦΙΑ Ёж", ["école", "straße", "σοφια", "ёж"]),
        ("tel. 42,5 x2 ½", ["tel", "42", "5", "x2", "½"]),
        ("good 👍🏽 day ❤️", ["good", "day"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("\u0301cafe\u0301 \u0301", ["cafe\u0301"]),
        ("!?", []),
        ("我爱你\uff0c世界", ["我爱你", "世界"]),
        ("tab\tnew\nline\u00a0wide", ["tab", "new", "line", "wide"]),
        ("", []),
        (" .,;!? ", []),
    ],
)
def test_tokens_are_runs_of_letters_and_digits_in_lower_case(text, expected):
    assert [token.encode() for token in expected] == tokenize(tf.constant([text]))[0].numpy().tolist()


def test_bytes_that_are_not_utf8_separate_tokens():
    assert tokenize(tf.constant([b"ab\xff\xfecd"]))[0].numpy().tolist() == [b"ab", b"cd"]


def test_the_vocabulary_stands_by_frequency(output):
    # Of rows' first five tokens: `of` and `it` are further back.
    assert output.vocabulary_by_name("wide_vocabulary") == [b"the", b"cat", b"sat", b"end", b"dog", b"a"]


def test_ids_are_0_behind_the_text_then_the_vocabulary_then_oov(transform):
    ids = transform(wide=_TEXTS)["wide_xf"]
    assert ids.dtype == np.int64
    assert ids.tolist() == [[1, 2, 1, 2, 0], [1, 5, 0, 0, 0], [0] * 5, [0] * 5, [6, 2, 3, 1, 4], [0] * 5]
    assert transform(wide=["the bird"])["wide_xf"].tolist() == [[1, 7, 0, 0, 0]]


def test_the_tokens_knob_cuts_long_texts_and_is_the_width(output, transform):
    assert output.transformed_feature_spec()["wide_xf"].shape == [5]
    assert output.transformed_feature_spec()["narrow_xf"].shape == [2]
    assert transform(narrow=["the cat the cat"])["narrow_xf"].tolist() == [[1, 2]]


def test_the_vocabulary_and_oov_knobs_bound_the_ids(output, transform):
    assert output.vocabulary_by_name("narrow_vocabulary") == [b"the", b"cat"]
    unknown = transform(narrow=[f"word{i}" for i in range(60)])["narrow_xf"][:, 0]
    assert set(unknown) == {3, 4, 5}
    assert num_ids(2, _FEATURES["narrow"]) == 6
    assert set(transform(wide=[f"word{i}" for i in range(60)])["wide_xf"][:, 0]) == {7}


def test_a_vocabulary_without_any_token_is_no_error(output, transform):
    ids = transform(empty=["new words", None])["empty_xf"]
    size = output.vocabulary_size_by_name("empty_vocabulary")
    assert ids[1].tolist() == [0, 0]
    assert (ids[0] > 0).all()
    assert (ids < num_ids(size, _FEATURES["empty"])).all()


def test_batches_without_a_text_and_without_a_row_keep_the_width(transform):
    assert transform(wide=[None, None])["wide_xf"].tolist() == [[0] * 5] * 2
    assert transform(wide=[])["wide_xf"].shape == (0, 5)
