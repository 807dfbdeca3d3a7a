"""What the probe says of models, here in this process; test_component.py starts the fresh one."""

import json
import shutil

import numpy as np
import pytest

from components.exported import HEADS_FILE, read_exported
from components.servable import Servable
from schema.errors import DataError

SIGNATURES = {"serving_default", "serving_tf_example", "evaluation", "transform_features"}


@pytest.fixture
def once_loaded(monkeypatch, loaded):
    """Lets every folder's SavedModel be the exported one, which is loaded once; what it says of itself is read anew."""
    monkeypatch.setattr(Servable, "load", lambda folder: Servable(folder, read_exported(folder), loaded))


@pytest.fixture
def ask(monkeypatch, examples_folder, tmp_path):
    """Asks a model; returns (checks, latency)."""
    from components.canary import probe

    monkeypatch.setattr(probe, "LATENCY_REQUESTS", 5)

    def run(model, folder=examples_folder / "Split-test"):
        lines = list(probe.probe(model, str(folder), tmp_path / "warmup"))
        latency = [line["latency"] for line in lines if "latency" in line]
        return [line["check"] for line in lines if "check" in line], latency

    return run


@pytest.fixture
def replace(monkeypatch):
    """Makes the loaded model answer otherwise: `change(signature, rows, answer)` returns another answer, or raises."""

    def do(change):
        predict, predict_examples = Servable.predict, Servable.predict_examples

        def by_feature(self, columns):
            return change("serving_default", len(next(iter(columns.values()))), lambda: predict(self, columns))

        def by_example(self, serialized, signature):
            return change(signature, len(serialized), lambda: predict_examples(self, serialized, signature))

        monkeypatch.setattr(Servable, "predict", by_feature)
        monkeypatch.setattr(Servable, "predict_examples", by_example)

    return do


def failed(checks):
    return {(check["signature"], check["request"]): check["message"] for check in checks if not check["ok"]}


@pytest.mark.usefixtures("once_loaded")
def test_a_good_model_answers_everything_through_every_signature(ask, exported):
    checks, [latency] = ask(exported / "Format-Serving")
    assert failed(checks) == {}
    asked = {(check["signature"], check["request"]) for check in checks}
    requests = {request for _, request in asked}
    assert {(signature, request) for signature in SIGNATURES for request in requests} <= asked
    assert ("signatures compared", "real rows") in asked
    assert {"a row without 'age'", "empty texts", "unknown categories", "half an image in 'photo'"} <= requests
    assert set(latency) == SIGNATURES
    for of_signature in latency.values():
        assert 0 < of_signature["p50_ms"] <= of_signature["p99_ms"]


@pytest.mark.usefixtures("once_loaded")
def test_other_class_names_than_the_model_answers_with_are_found(ask, exported, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(exported / "Format-Serving" / "assets.extra", model / "assets.extra")
    file = model / "assets.extra" / HEADS_FILE
    told = json.loads(file.read_text())
    told["heads"]["zone"]["classes"] = ["in", "elsewhere"]
    file.write_text(json.dumps(told))
    checks, _ = ask(model)
    found = failed(checks)
    expected = "'zone/classes' does not hold the classes in, elsewhere for each of 1 rows"
    assert found["serving_default", "one row"] == found["serving_tf_example", "one row"] == expected


def test_a_model_that_cannot_be_loaded_is_all_there_is_to_say(ask, exported, tmp_path):
    shutil.copytree(exported / "Format-Serving" / "assets.extra", tmp_path / "assets.extra")
    [check], latency = ask(tmp_path)
    assert (check["signature"], check["ok"], latency) == ("loading", False, [])
    assert "cannot be loaded as a SavedModel" in check["message"]


@pytest.mark.usefixtures("once_loaded")
def test_a_split_without_rows_is_a_failure(ask, exported, tmp_path):
    import tensorflow as tf

    (tmp_path / "none").mkdir()
    tf.io.TFRecordWriter(str(tmp_path / "none" / "0.gz"), "GZIP").close()
    [check], _ = ask(exported / "Format-Serving", tmp_path / "none")
    assert check["message"] == "there are no rows to ask about"


@pytest.mark.usefixtures("once_loaded")
def test_a_model_that_answers_a_broken_image_is_refused(ask, exported, replace):
    def ignore(signature, num_rows, answer):
        try:
            return answer()
        except DataError:
            return {"zone/scores": np.full((num_rows, 2), 0.5)}

    replace(ignore)
    found = failed(ask(exported / "Format-Serving")[0])
    expected = {
        (signature, f"{kind} in 'photo'")
        for kind in ("no image", "half an image")
        for signature in ("serving_default", "serving_tf_example", "evaluation")
    }
    assert found == dict.fromkeys(expected, "it answered, expected it to refuse the image")


@pytest.mark.usefixtures("once_loaded")
def test_a_model_that_gives_nan_or_fails_or_disagrees_is_found(ask, exported, replace):
    import tensorflow as tf

    def worsen(signature, num_rows, answer):
        right = answer()
        if signature == "evaluation" and num_rows == 0:
            raise tf.errors.InternalError(None, None, "out of order")
        if signature == "transform_features":
            return right | {"height_xf": right["height_xf"] * np.nan}
        if signature == "serving_default":
            return right | {"tags/scores": right["tags/scores"] / 2}
        return right

    replace(worsen)
    found = failed(ask(exported / "Format-Serving")[0])
    assert found["evaluation", "no rows"] == "it failed: out of order"
    assert found["transform_features", "one row"] == "'height_xf' holds values that are no finite numbers"
    expected = "'tags/scores' of serving_default is not 'tags/scores' of serving_tf_example"
    assert found["signatures compared", "real rows"] == expected
    assert ("serving_default", "one row") not in found


@pytest.mark.usefixtures("once_loaded")
def test_a_model_that_refuses_what_is_legal_is_found(ask, exported, replace):
    def refuse(signature, num_rows, answer):
        if signature == "serving_tf_example" and num_rows == 1:
            raise DataError("one is too few")
        return answer()

    replace(refuse)
    checks, [latency] = ask(exported / "Format-Serving")
    assert failed(checks)["serving_tf_example", "one row"] == "it refused: one is too few"
    assert set(latency) == SIGNATURES - {"serving_tf_example"}
