"""run_fn as TFX calls it, on transformed rows of the sample (../conftest.py)."""

import itertools
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from components.trainer import curves, run, schedule
from schema.errors import DataError

TRAINING = {"epochs": 2, "batch_size": 32, "seed": 5}


@pytest.fixture(scope="module")
def write(sample, transform_output, tmp_path_factory):
    """Writes transformed rows as Transform does; returns the file pattern."""

    def write_rows(rows):
        columns = transform_output.transform_features_layer()(sample.parse(rows))
        folder = tmp_path_factory.mktemp("examples")
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(f"{folder}/rows.gz", options) as writer:
            for i in range(len(rows)):
                features = {name: _feature(values[i].numpy()) for name, values in columns.items()}
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
        return f"{folder}/*"

    return write_rows


def _feature(value):
    values = np.atleast_1d(value)
    if values.dtype == np.float32:
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    if values.dtype == np.int64:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values.tolist()))


@pytest.fixture(scope="module")
def files(sample, write):
    return {split: [write(sample.draw(100, seed))] for split, seed in (("train", 1), ("eval", 2))}


@pytest.fixture(scope="module")
def train(sample, make_task, transform_folder, files, tmp_path_factory):
    """Runs run_fn; returns what it gives to the export (model, Transform's output, task, calibrations, target) and its
    folder."""

    trainer = tmp_path_factory.mktemp("Trainer")
    executions = itertools.count()

    def run_it(base_model=None, **training):
        exported = []
        folder = trainer / "model_run" / str(next(executions))
        task = sample.task.model_dump(mode="json") | {"training": TRAINING | training}
        arguments = FnArgs(
            train_files=files["train"],
            eval_files=files["eval"],
            transform_output=str(transform_folder),
            serving_model_dir=str(folder / "serving"),
            model_run_dir=str(folder),
            base_model=base_model,
            custom_config={
                "task": make_task(task).to_json(),
                "classes": json.dumps(sample.classes),
                "from": "serving/3",
            },
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "export", lambda *given: exported.append(given))
            run.run_fn(arguments)
        return *exported[0], folder

    return run_it


@pytest.fixture(scope="module")
def trained(train):
    return train()


def weights_of(model):
    return np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables])


def test_what_transform_emits_is_trained_on_and_handed_to_the_export(sample, trained):
    model, transform_output, task, calibrations, target, folder = trained
    assert list(sample.task.heads) == list(model.output) == list(task.heads) == list(calibrations)
    assert sample.classes == {head: calibration.classes for head, calibration in calibrations.items()}
    assert all(calibration.temperature != 1 for calibration in calibrations.values())
    assert folder / "serving" == target
    assert model.history.epoch == [0, 1]
    # 0 for missing, two cities and one more; 0, three codes and two more.
    sizes = {name: model.get_layer(f"{name}_embedding").input_dim for name in ("city", "code")}
    assert sizes == {"city": 1 + 2 + 1, "code": 1 + 3 + 2}
    assert transform_output.vocabulary_size_by_name("city_vocabulary") == 2
    losses = {"loss", "val_loss", *(f"{split}{head}_loss" for split in ("", "val_") for head in sample.task.heads)}
    kept = curves.read(folder)["curves"]
    assert losses <= kept.keys()
    assert {name: model.history.history[name] for name in losses} == {name: kept[name] for name in losses}
    assert {"train", "validation"} == {file.parent.name for file in folder.rglob("events.out.tfevents.*")}


@pytest.fixture(scope="module")
def baseline(exported):
    return str(exported / "Format-Serving")


@pytest.fixture(scope="module")
def trained_again(train, baseline):
    """The same once more, beside a baseline that it does not ask for."""
    return train(baseline)


def test_equal_seeds_give_equal_models_and_others_do_not(trained, trained_again, train):
    first, again, other = (weights_of(model) for model, *_ in (trained, trained_again, train(seed=6)))
    np.testing.assert_allclose(first, again, atol=1e-6)
    assert np.abs(first - other).max() > 0.01


def test_a_head_without_labelled_rows_to_stop_on_is_an_error(sample, train, files, write, monkeypatch):
    monkeypatch.setitem(files, "eval", [write([row | {"zone": None} for row in sample.draw(20)])])
    with pytest.raises(DataError, match="no labelled row for head 'zone' in eval"):
        train()


def test_labelled_rows_in_every_split_are_enough():
    run.check_labelled({"train": {"zebra": np.array([5, 0])}, "eval": {"zebra": np.array([0, 1])}})


def test_heads_without_a_labelled_row_are_named_with_their_splits():
    counts = {
        "train": {"zebra": np.array([5, 1]), "apple": np.array([0, 0])},
        "eval": {"zebra": np.array([0, 0]), "apple": np.array([1, 0])},
    }
    with pytest.raises(DataError, match=r"no labelled row for head 'apple' in train, 'zebra' in eval"):
        run.check_labelled(counts)


def test_a_training_finds_its_state_again_and_none_finds_that_of_another():
    given = {
        "train_files": ["examples/3/Split-train/*"],
        "eval_files": ["examples/3/Split-eval/*"],
        "transform_output": "graph/3",
        "model_run_dir": "Trainer/model_run/7",
        "custom_config": {"task": "{}", "code": "abc"},
    }
    folder = run.checkpoint_folder(FnArgs(**given))
    assert Path("Trainer/checkpoints") == folder.parent
    assert folder == run.checkpoint_folder(FnArgs(**given | {"model_run_dir": "Trainer/model_run/8"}))
    others = [
        {"train_files": ["examples/4/Split-train/*"]},
        {"eval_files": ["examples/4/Split-eval/*"]},
        {"transform_output": "graph/4"},
        {"custom_config": {"task": "{}", "code": "abd"}},
        {"base_model": "Baseline/model/2"},
    ]
    assert len({folder, *(run.checkpoint_folder(FnArgs(**given | other)) for other in others)}) == 6


def test_a_killed_training_goes_on_after_its_last_finished_epoch(train, monkeypatch):
    ran = []

    class Recorder(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            ran.append(epoch)
            if ran == [0, 1]:
                raise KeyboardInterrupt

    monkeypatch.setattr(schedule, "callbacks", lambda *given: [Recorder()])
    with pytest.raises(KeyboardInterrupt):
        train(seed=8)
    model, *_ = train(seed=8)
    assert ran == [0, 1, 1]
    assert model.history.epoch == [0, 1]


def test_a_warm_start_begins_from_the_baselines_weights(train, trained, baseline, sample_model):
    model, *_, folder = train(baseline, warm_start=True, learning_rate=1e-9)
    for name in ("city_embedding", "trunk_0", "zone", "tags", "photo_0"):
        for now, was in zip(model.get_layer(name).weights, sample_model.get_layer(name).weights, strict=True):
            np.testing.assert_allclose(now, was, atol=1e-6)
    began = curves.read(folder)["warm_start"]
    assert (began["from"], began["why_none"], began["fresh"]) == ("serving/3", None, [])
    assert {layer["layer"] for layer in began["taken"]} == {layer.name for layer in model.layers if layer.weights}
    # The baseline was never trained: its answers are noise, and its loss is above that of the best constant ones.
    kept, cold = curves.read(folder), curves.read(trained[-1])
    assert kept["curves"]["loss"][0] > cold["curves"]["loss"][0] + 0.2
    assert "warm_start" not in cold


def test_without_a_baseline_a_warm_start_is_a_cold_one_and_says_so(train, trained, tmp_path):
    model, *_, folder = train(str(tmp_path / "none"), warm_start=True)
    expected = {"from": None, "why_none": "there is no baseline to begin from", "taken": [], "fresh": []}
    assert expected == curves.read(folder)["warm_start"]
    np.testing.assert_allclose(weights_of(trained[0]), weights_of(model), atol=1e-6)


def test_a_baseline_is_not_looked_at_without_the_key(trained, trained_again):
    np.testing.assert_allclose(weights_of(trained[0]), weights_of(trained_again[0]), atol=1e-6)
    assert "warm_start" not in curves.read(trained_again[-1])


def test_a_killed_warm_training_goes_on_from_where_it_was(train, baseline, monkeypatch):
    began = []

    class Recorder(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            began.append((epoch, weights_of(self.model)))
            if len(began) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(schedule, "callbacks", lambda *given: [Recorder()])
    with pytest.raises(KeyboardInterrupt):
        train(baseline, warm_start=True, seed=9)
    *_, folder = train(baseline, warm_start=True, seed=9)
    assert [epoch for epoch, _ in began] == [0, 1, 1]
    np.testing.assert_array_equal(began[1][1], began[2][1])
    assert np.abs(began[0][1] - began[2][1]).max() > 1e-4
    assert curves.read(folder)["warm_start"]["from"] == "serving/3"
