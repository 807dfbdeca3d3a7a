"""How models are asked."""

import json

import numpy as np
import pytest

from components.evaluator.asked import Signature, batch_rows
from components.exported import HEADS_FILE


@pytest.fixture
def make_model(tmp_path):
    """Writes what a model says of its features."""

    def make(*types):
        folder = tmp_path / "_".join(("model", *types))
        (folder / "assets.extra").mkdir(parents=True)
        features = {f"feature {i}": {"type": of_type, "dtype": "BYTES"} for i, of_type in enumerate(types)}
        (folder / "assets.extra" / HEADS_FILE).write_text(json.dumps({"heads": {}, "features": features}))
        return folder

    return make


def test_few_rows_of_images_are_asked_about_at_a_time_and_many_of_numbers(make_model):
    numbers, text, images = make_model("numeric"), make_model("text", "numeric"), make_model("numeric", "image", "text")
    assert batch_rows([images]) < batch_rows([text]) < batch_rows([numbers])
    assert batch_rows([numbers, images]) == batch_rows([images])
    # One of version 0.1 does not say.
    assert batch_rows([make_model()]) == batch_rows([numbers])


def test_examples_go_by_name_and_only_what_is_wanted_comes_back():
    def ask(*, examples):
        return {"kind": examples + 1, "photo_xf": examples}

    # Models of version 0.1 have no uncalibrated probabilities.
    assert Signature(ask, ("kind", "kind/uncalibrated"))(np.ones(1)) == {"kind": np.full(1, 2)}
