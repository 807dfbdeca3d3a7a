"""What an exported model says of its weights (fixtures in ../conftest.py)."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from components.trainer import kept_weights
from components.trainer.terms import axes_of
from schema.errors import DataError


@pytest.fixture
def folder(exported, tmp_path):
    """A copy of the SavedModel, to damage."""
    return shutil.copytree(exported / "Format-Serving", tmp_path / "7")


def test_every_weight_of_every_layer_is_there_with_its_terms(sample, sample_model, transform_output, exported):
    kept = kept_weights.read(exported / "Format-Serving")
    layers = {layer.name: layer.weights for layer in sample_model.layers if layer.weights}
    assert list(layers) == list(kept)
    for name, weights in layers.items():
        assert [weight.name for weight in weights] == [weight.name for weight in kept[name]]
        for weight, read in zip(weights, kept[name], strict=True):
            np.testing.assert_array_equal(np.array(weight), read.values)
    axes = axes_of(sample_model, sample.task, sample.classes, transform_output)
    assert axes == {name: [weight.axes for weight in weights] for name, weights in kept.items()}


@pytest.mark.parametrize(
    ("feature", "row", "expected"),
    [
        ("city", {"city": "oslo"}, ["'oslo'"]),
        ("city", {"city": "rome"}, ["'rome'"]),
        ("city", {"city": "bonn"}, ["unknown 0 of 1"]),
        ("city", {"city": None}, ["none"]),
        ("code", {"code": 8}, ["'8'"]),
        ("note", {"note": "Red sky"}, ["'red'", "'sky'", "none"]),
    ],
)
def test_a_row_of_an_embedding_is_named_after_the_value_that_transform_gives_its_id(
    sample, transform_output, exported, feature, row, expected
):
    [embedding] = kept_weights.read(exported / "Format-Serving")[f"{feature}_embedding"]
    transformed = transform_output.transform_features_layer()(sample.parse([sample.rows[0] | row]))
    ids = np.ravel(transformed[f"{feature}_xf"])
    assert expected == [embedding.axes[0][number] for number in ids]


def test_logits_are_named_after_classes_and_inputs_after_what_they_come_from(exported):
    kept = kept_weights.read(exported / "Format-Serving")
    kernel, bias = kept["tags"]
    assert kernel.axes == (None, ("multilabel x", "multilabel y", "multilabel z"))
    assert bias.axes == kernel.axes[1:]
    # `mood` sees the trunk and the last hidden layer of `kind`.
    seen = kept["mood"][0].axes[0] or kept["mood_hidden_0"][0].axes[0]
    assert {term.rpartition(" of ")[0].rpartition(" ")[0] for term in seen} == {"trunk", "hidden kind"}


def test_the_variables_are_stored_once(sample_model, exported):
    import tensorflow as tf

    variables = tf.train.load_checkpoint(str(exported / "Format-Serving" / "variables" / "variables"))
    shapes = variables.get_variable_to_shape_map()
    listed = [shape for key, shape in shapes.items() if key.startswith(f"{kept_weights.ATTRIBUTE}/")]
    assert sum(int(np.prod(shape)) for shape in listed) == sum(int(np.prod(w.shape)) for w in sample_model.weights)
    others = {key for key in shapes if not key.startswith(f"{kept_weights.ATTRIBUTE}/")}
    assert not [key for key in others if "kernel" in key or "embeddings" in key]


def test_without_a_model_there_are_none(tmp_path):
    with pytest.raises(DataError, match="there is no baseline to begin from"):
        kept_weights.read(tmp_path / "Format-Serving")


def test_a_model_of_an_earlier_version_has_none(folder):
    (folder / "assets.extra" / kept_weights.FILE).unlink()
    with pytest.raises(DataError, match="is of an earlier version, which did not say whose its weights are"):
        kept_weights.read(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_text("{"),
        lambda file: file.write_bytes(b"\xff"),
        lambda file: file.write_text("[]"),
        lambda file: file.write_text('{"layers": {"a": 1}}'),
        lambda file: file.write_text(file.read_text().replace("\"'rome'\", ", "")),
        lambda file: file.write_text(json.dumps({"layers": {"a": [{"name": "b", "axes": []}] * 999}})),
        lambda file: shutil.rmtree(file.parent.parent / "variables"),
        lambda file: (file.parent.parent / "variables" / "variables.index").write_bytes(b"no table"),
    ],
    ids=["half", "bytes", "list", "number", "terms", "more", "no variables", "variables"],
)
def test_a_damaged_one_has_none(folder, damage):
    damage(folder / "assets.extra" / kept_weights.FILE)
    with pytest.raises(DataError, match="the weights of the last blessed model cannot be read"):
        kept_weights.read(folder)


def test_a_model_is_saved_without_its_optimizer(sample_model, exported):
    assert sample_model.optimizer.variables
    saved = tf.train.list_variables(str(exported / "Format-Serving" / "variables" / "variables"))
    assert sum(np.prod(shape, dtype=int) for _, shape in saved) < 1.5 * sample_model.count_params()
