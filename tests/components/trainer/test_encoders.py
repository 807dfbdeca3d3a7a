"""Encoders of numbers, categories and texts: shapes, numbers by hand, every knob."""

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter

from components.trainer import encoders
from schema.features import Feature

NUM_IDS = 12


def specify(**data):
    return TypeAdapter(Feature).validate_python(data)


def numeric(**encoder):
    return specify(type="numeric", missing_indicator=False, encoder=encoder)


def text(tokens=4, **encoder):
    return specify(type="text", tokens=tokens, encoder=encoder)


def model_of(feature, name="f", seed=0):
    """Returns a model that encodes one feature."""
    keras.utils.set_random_seed(seed)
    columns = encoders.inputs("f", feature)
    num_ids = NUM_IDS if feature.type in ("categorical", "text") else None
    return keras.Model({column.name: column for column in columns}, encoders.encode(columns, name, feature, num_ids))


def run(model, training=False, **columns):
    """Returns the encoding of columns given by name."""
    return model({name: np.asarray(values) for name, values in columns.items()}, training=training).numpy()


def weights_by_name(model):
    return {weight.path: weight.numpy() for weight in model.weights}


def train_step(model, columns, jit_compile):
    """Trains a step towards ones; returns the loss."""
    model.compile(optimizer="sgd", loss="mse", jit_compile=jit_compile)
    columns = {name: np.asarray(values) for name, values in columns.items()}
    target = np.ones((len(next(iter(columns.values()))), model.output.shape[-1]), "float32")
    return model.fit(columns, target, epochs=1, verbose=0).history["loss"][0]


ALL = {
    "plain": (numeric(type="plain"), {"f_xf": [0.5, 2.0]}, 1),
    "piecewise_linear": (
        numeric(type="piecewise_linear", bins=3),
        {"f_position": np.float32([0, 2.5])},
        3,
    ),
    "periodic": (numeric(type="periodic", units=5), {"f_xf": [0.5, 2.0]}, 5),
    "embedding": (specify(type="categorical", embedding=6), {"f_xf": [0, 11]}, 6),
    "lstm": (text(type="lstm", embedding=3, units=7), {"f_xf": [[1, 2, 0, 0], [0, 0, 0, 0]]}, 7),
    "bag": (text(type="bag", embedding=3), {"f_xf": [[1, 2, 0, 0], [0, 0, 0, 0]]}, 3),
}


@pytest.mark.parametrize("kind", ALL)
def test_every_encoder_gives_one_vector_per_row(kind):
    feature, columns, width = ALL[kind]
    model = model_of(feature)
    assert model.output.shape == (None, width)
    assert run(model, **columns).shape == (2, width)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["op by op", "XLA"])
@pytest.mark.parametrize("kind", ["piecewise_linear", "periodic", "embedding", "lstm", "bag"])
def test_every_encoder_trains_with_and_without_xla(kind, jit_compile):
    feature, columns, _ = ALL[kind]
    if kind == "piecewise_linear":
        feature = numeric(type="piecewise_linear", bins=3, units=4)
    model = model_of(feature)
    before = weights_by_name(model)
    assert np.isfinite(train_step(model, columns, jit_compile))
    after = weights_by_name(model)
    assert all(np.isfinite(values).all() for values in after.values())
    assert any((before[name] != after[name]).any() for name in before)


@pytest.mark.parametrize("kind", ALL)
def test_two_encodings_of_a_feature_in_one_model_share_no_layer(kind):
    feature, _, width = ALL[kind]
    tensors = encoders.inputs("f", feature)
    encoded = [encoders.encode(tensors, f"{head}_f", feature, NUM_IDS) for head in ("a", "b")]
    model = keras.Model({t.name: t for t in tensors}, keras.layers.Concatenate()(encoded))
    assert model.output.shape == (None, 2 * width)
    paths = [weight.path for weight in model.weights]
    assert len(paths) == len(set(paths)) == 2 * len(model_of(feature).weights)


@pytest.mark.parametrize("kind", ["piecewise_linear", "periodic"])
def test_numbers_bring_their_missing_indicator(kind):
    feature = specify(type="numeric", encoder={"type": kind, "units": 4})
    model = model_of(feature)
    assert "f_missing" in {column.name for column in model.inputs}
    columns = {"f_xf": [0.0], "f_position": np.float32([0])}
    columns = {column.name: columns.get(column.name, [0.0]) for column in model.inputs}
    assert (run(model, **columns) != run(model, **columns | {"f_missing": [1.0]})).any()


def test_piecewise_linear_says_how_far_a_number_has_come_through_each_bin():
    model = model_of(numeric(type="piecewise_linear", bins=3))
    encoded = run(model, f_position=np.float32([0, 0.25, 1, 2.5, 3]))
    expected = [[0, 0, 0], [0.25, 0, 0], [1, 0, 0], [1, 1, 0.5], [1, 1, 1]]
    np.testing.assert_allclose(encoded, expected)


def test_piecewise_linear_knobs():
    assert model_of(numeric(type="piecewise_linear", bins=7)).output.shape == (None, 7)
    dense = model_of(numeric(type="piecewise_linear", bins=7, units=5))
    assert dense.output.shape == (None, 5)
    assert (run(dense, f_position=np.float32([1, 6])) >= 0).all()


def test_periodic_is_a_dense_relu_layer_on_sines_and_cosines():
    model = model_of(numeric(type="periodic", frequencies=4, sigma=0.5, units=3))
    cycles, kernel, bias = model.get_weights()
    x = np.float32([-1.5, 0, 0.3])
    angles = 2 * np.pi * x[:, None] * cycles
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    np.testing.assert_allclose(run(model, f_xf=x), np.maximum(waves @ kernel + bias, 0), atol=1e-5)


def test_periodic_knobs():
    def cycles(**knobs):
        model = model_of(numeric(type="periodic", **knobs))
        assert model.layers[-1].units == knobs.get("units", 16)
        return model.get_weights()[0]

    assert cycles(frequencies=3).shape == (3,)
    assert cycles(units=5).shape == (16,)
    assert 0.07 < cycles(frequencies=500).std() < 0.13
    assert 1.4 < cycles(frequencies=500, sigma=2.0).std() < 2.6


def test_periodic_frequencies_are_trained():
    model = model_of(numeric(type="periodic", frequencies=4, units=8))
    before = model.get_weights()[0]
    train_step(model, {"f_xf": [0.5, 2.0, -1.0]}, jit_compile=False)
    assert (before != model.get_weights()[0]).all()


def test_a_bag_is_the_mean_over_the_tokens_and_knows_no_order():
    model = model_of(text(type="bag", embedding=3))
    table = model.get_weights()[0]
    encoded = run(model, f_xf=[[1, 2, 0, 0], [2, 1, 0, 0], [5, 5, 5, 5], [0, 0, 0, 0]])
    expected = [(table[1] + table[2]) / 2, (table[1] + table[2]) / 2, table[5], np.zeros(3)]
    np.testing.assert_allclose(encoded, expected, atol=1e-6)


def test_an_lstm_knows_the_order_and_does_not_see_the_padding():
    model = model_of(text(type="lstm", embedding=3, units=5))
    one, other = run(model, f_xf=[[1, 2, 0, 0], [2, 1, 0, 0]])
    assert np.abs(one - other).max() > 1e-4
    table, *weights = model.get_weights()
    short = keras.Sequential([keras.Input((2, 3)), keras.layers.LSTM(5)])
    short.set_weights(weights)
    np.testing.assert_allclose(one, short(table[None, [1, 2]])[0], atol=1e-6)


def test_an_lstm_gives_zeros_for_texts_without_tokens():
    model = model_of(text(type="lstm", embedding=3, units=5))
    assert (run(model, f_xf=[[0, 0, 0, 0], [1, 2, 3, 4]])[0] == 0).all()
    assert (run(model, f_xf=[[0, 0, 0, 0]]) == 0).all()


@pytest.mark.parametrize("kind", ["lstm", "bag"])
def test_text_knobs(kind):
    model = model_of(text(tokens=9, type=kind, embedding=10))
    assert model.inputs[0].shape == (None, 9)
    assert model.get_weights()[0].shape == (NUM_IDS, 10)
    assert model.output.shape == (None, 10 if kind == "bag" else 64)
    assert model_of(text(type="lstm", units=6)).output.shape == (None, 6)


@pytest.mark.parametrize("kind", ["lstm", "bag"])
def test_text_dropout_acts_in_training_only(kind):
    feature = text(type=kind, dropout=0.5)
    dropping, keeping = model_of(feature), model_of(text(type=kind))
    dropping.set_weights(keeping.get_weights())
    ids = [[1, 2, 3, 0]]
    np.testing.assert_array_equal(run(dropping, f_xf=ids), run(keeping, f_xf=ids))
    assert (run(dropping, training=True, f_xf=ids) != run(dropping, f_xf=ids)).any()
    np.testing.assert_array_equal(run(keeping, training=True, f_xf=ids), run(keeping, f_xf=ids))
