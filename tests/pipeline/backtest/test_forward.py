"""Metrics on the days after, of models whose answers are known."""

import json

import numpy as np
import pytest

from schema import names
from schema.errors import DataError

CLASSES = {"kind": ["cat", "dog"], "size": ["small", "large", "huge"]}


def _save(folder, sign):
    """Writes a model: the larger `amount` times `sign`, the surer it is of a dog; every size is as likely."""
    import tensorflow as tf

    spec = {name: tf.io.FixedLenFeature([], kind, "" if kind == tf.string else 0) for name, kind in _kinds(tf).items()}
    signature = [tf.TensorSpec([None], tf.string, name="examples")]

    @tf.function(input_signature=signature)
    def evaluation(examples):
        amount = sign * tf.io.parse_example(examples, spec)["amount"]
        dog = tf.sigmoid(amount)
        kind, size = tf.stack([1 - dog, dog], axis=1), tf.fill([tf.size(amount), 3], 1 / 3)
        answers = {"kind": kind, "size": size}
        return answers | {names.uncalibrated(head): scores for head, scores in answers.items()}

    @tf.function(input_signature=signature)
    def transform_features(examples):
        raw, found = tf.io.parse_example(examples, spec), {}
        for head, classes in CLASSES.items():
            hits = tf.cast(raw[head][:, tf.newaxis] == tf.constant(classes), tf.int64)
            found[names.label(head)] = tf.argmax(hits, axis=1)
            found[names.labelled(head)] = tf.cast(tf.reduce_max(hits, axis=1), tf.float32)
        return found

    module = tf.Module()
    module.evaluation, module.transform_features = evaluation, transform_features
    signatures = {names.EVALUATION: evaluation, names.TRANSFORM_FEATURES: transform_features}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    heads = {
        head: {"type": "multiclass", "classes": classes, "thresholds": [1 / len(classes)] * len(classes)}
        for head, classes in CLASSES.items()
    }
    (folder / "assets.extra").mkdir()
    (folder / "assets.extra" / "multihead.json").write_text(json.dumps({"task": "toy", "heads": heads}))


def _kinds(tf):
    return {"amount": tf.float32, "kind": tf.string, "size": tf.string}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models that say the opposite of each other."""
    from components.servable import Servable

    folder = tmp_path_factory.mktemp("models")
    for name, sign in {"right": 1.0, "wrong": -1.0}.items():
        _save(folder / name, sign)
    return {name: Servable.load(folder / name) for name in ("right", "wrong")}


@pytest.fixture
def days(contract, config):
    """Days 6 and 7: dogs are larger, but for one; one label is unknown, and no size is known."""
    from pipeline.windows import find

    for day, (amounts, kinds) in {
        6: ([-2.0, 3.0, 1.0], ["cat", "dog", None]),
        7: ([-1.0, 2.0], ["dog", "cat"]),
    }.items():
        _write(config.data, day, amounts, kinds)
    return [span for span in find(contract, config.data) if span.label in ("2013-01-06", "2013-01-07")]


def _write(data, day, amounts, kinds):
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "amount": amounts,
        "kind": pa.array(kinds, pa.string()),
        "size": pa.array([None] * len(kinds), pa.string()),
    }
    pq.write_table(pa.table(columns), data / f"date=2013-01-{day:02d}" / "rows.parquet")


def test_same_rows_for_every_model_and_labelled_ones_only(contract, days, models):
    from components.evaluator.metrics import head_metrics
    from pipeline.backtest.forward import measure

    rows, found = measure(contract, days, models)
    assert rows == 5
    labels, amounts = np.array([0, 1, 1, 0]), np.array([-2.0, 3.0, -1.0, 2.0])
    for name, sign in {"right": 1, "wrong": -1}.items():
        dog = 1 / (1 + np.exp(-sign * amounts))
        scores = np.stack([1 - dog, dog], axis=1)
        expected = head_metrics(labels, scores, np.ones(4), [0.5, 0.5], False, scores)
        assert found[name]["kind"] == pytest.approx(expected, abs=1e-6)
    assert (found["right"]["kind"]["auc"], found["wrong"]["kind"]["auc"]) == (0.75, 0.25)
    assert found["right"]["kind"]["labelled"] == 4


def test_a_head_without_labels_has_no_metric(contract, days, models):
    from pipeline.backtest.forward import measure

    size = measure(contract, days, models)[1]["right"]["size"]
    assert size.pop("labelled") == 0
    assert set(size.values()) == {None}


def test_batches_add_up(contract, days, models, monkeypatch):
    from pipeline.backtest import forward

    whole = forward.measure(contract, days, models)
    monkeypatch.setattr(forward, "_BATCH", 2)
    assert forward.measure(contract, days, models)[1]["right"]["kind"] == pytest.approx(whole[1]["right"]["kind"])


def test_a_day_that_cannot_be_read(contract, days, models, config):
    from pipeline.backtest.forward import measure

    (config.data / "date=2013-01-07" / "rows.parquet").write_bytes(b"none")
    with pytest.raises(DataError, match="date=2013-01-07"):
        measure(contract, days, models)
