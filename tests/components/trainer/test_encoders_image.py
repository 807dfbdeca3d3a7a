"""Encoders of images: convolutions from scratch and models of keras.applications."""

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from components.trainer import encoders
from schema.errors import DataError
from schema.features import Feature

RNG = np.random.default_rng(0)


def image(shape=(32, 32, 3), **encoder):
    return TypeAdapter(Feature).validate_python({"type": "image", "shape": shape, "encoder": encoder})


def model_of(*features, seed=0):
    """Returns a model of image features, called a, b, ..."""
    keras.utils.set_random_seed(seed)
    inputs, encoded = {}, []
    for name, feature in zip("abc", features, strict=False):
        columns = encoders.inputs(name, feature)
        inputs |= {column.name: column for column in columns}
        encoded.append(encoders.encode(columns, name, feature, None))
    return keras.Model(inputs, encoded[0] if len(encoded) == 1 else keras.layers.Concatenate()(encoded))


def draw(shape=(32, 32, 3), rows=2):
    return RNG.integers(0, 256, (rows, *shape), dtype=np.uint8)


def run(model, training=False, **columns):
    return model(columns, training=training).numpy()


def train_step(model, columns, **how):
    # One step op by op: to trace it through a large model would take longer.
    model.compile(optimizer="sgd", loss="mse", **(how or {"run_eagerly": True}))
    rows = len(next(iter(columns.values())))
    target = np.ones((rows, model.output.shape[-1]), "float32")
    return model.fit(columns, target, epochs=1, verbose=0).history["loss"][0]


def test_a_cnn_takes_decoded_pixels_and_gives_one_vector_per_row():
    model = model_of(image((8, 12, 1)))
    assert model.inputs[0].name == "a_xf"
    assert model.inputs[0].dtype == "uint8"
    assert model.inputs[0].shape == (None, 8, 12, 1)
    encoded = run(model, a_xf=draw((8, 12, 1)))
    assert encoded.shape == (2, 128)
    assert (encoded >= 0).all()


def test_a_cnn_has_no_softmax_and_sees_pixels_from_0_to_1():
    model = model_of(image((4, 4, 1), filters=(1,), kernel=1, units=1))
    for weight in model.trainable_weights:
        weight.assign(np.zeros(weight.shape) if "bias" in weight.path else np.ones(weight.shape))
    pixels = np.zeros((1, 4, 4, 1), np.uint8)
    pixels[0, 0, 0, 0], pixels[0, 3, 3, 0] = 255, 51
    np.testing.assert_allclose(run(model, a_xf=pixels), [[1.2]], rtol=1e-6)
    assert not [layer for layer in model.layers if getattr(layer, "activation", None) is keras.activations.softmax]


def test_cnn_knobs():
    def convolutions(model):
        return [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]

    model = model_of(image((8, 8, 3), filters=(2, 5, 7), kernel=5, units=9))
    assert [layer.filters for layer in convolutions(model)] == [2, 5, 7]
    assert [layer.output.shape[1:3] for layer in convolutions(model)] == [(8, 8), (4, 4), (2, 2)]
    assert {layer.kernel_size for layer in convolutions(model)} == {(5, 5)}
    assert model.output.shape == (None, 9)
    assert model.layers[-1].input.shape == (None, 7)


def test_cnn_dropout_acts_in_training_only():
    dropping, keeping = (model_of(image((8, 8, 3), dropout=dropout)) for dropout in (0.5, 0.0))
    dropping.set_weights(keeping.get_weights())
    pixels = draw((8, 8, 3))
    np.testing.assert_array_equal(run(dropping, a_xf=pixels), run(keeping, a_xf=pixels))
    assert (run(dropping, training=True, a_xf=pixels) != run(dropping, a_xf=pixels)).any()
    np.testing.assert_allclose(run(keeping, training=True, a_xf=pixels), run(keeping, a_xf=pixels), rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "XLA"])
def test_a_cnn_trains_with_and_without_xla(jit_compile):
    model = model_of(image((8, 8, 3), dropout=0.1))
    before = model.get_weights()
    assert np.isfinite(train_step(model, {"a_xf": draw((8, 8, 3))}, jit_compile=jit_compile))
    assert all((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


def reference(class_name, shape=(32, 32, 3)):
    """Returns a random model of Keras whose batch normalisation knows random pixels: its answers are not near 0."""
    keras.utils.set_random_seed(7)
    make = getattr(keras.applications, class_name)
    model = make(include_top=False, weights=None, input_shape=shape, pooling="avg")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(scale(draw(shape, rows=8)), training=True)
    return model


def scale(pixels):
    """The preprocessing of MobileNet and Inception."""
    return pixels.astype("float32") / 127.5 - 1


@pytest.fixture(scope="module")
def mobilenet():
    return reference("MobileNet")


@pytest.fixture(scope="module")
def weights_file(mobilenet, tmp_path_factory):
    file = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    mobilenet.save_weights(file)
    return file


def test_an_application_starts_from_a_weights_file(mobilenet, weights_file):
    pixels = draw()
    expected = mobilenet(scale(pixels), training=False).numpy()
    encoded = run(model_of(image(type="mobilenet", weights=str(weights_file))), a_xf=pixels)
    assert encoded.shape == (2, 1024)
    assert encoded.std() > 0.01
    np.testing.assert_allclose(encoded, expected, rtol=1e-3, atol=1e-4)


def test_each_application_has_its_own_preprocessing():
    vgg = reference("VGG16")
    model = model_of(image(type="vgg16", weights="none", trainable=True))
    model.set_weights(vgg.get_weights())
    pixels = draw()
    # VGG was trained on blue, green, red less their means over ImageNet.
    expected = vgg(pixels[..., ::-1].astype("float32") - [103.939, 116.779, 123.68], training=False)
    np.testing.assert_allclose(run(model, a_xf=pixels), expected, rtol=1e-3, atol=1e-4)


def test_frozen_weights_stay_and_normalise_as_in_inference(weights_file):
    model = model_of(image(type="mobilenet", weights=str(weights_file), trainable=False))
    assert model.trainable_weights == []
    pixels = draw()
    before = model.get_weights()
    np.testing.assert_allclose(run(model, training=True, a_xf=pixels), run(model, a_xf=pixels), rtol=1e-5, atol=1e-6)
    on_top = keras.Model(model.inputs, keras.layers.Dense(1)(model.output))
    train_step(on_top, {"a_xf": pixels})
    assert all((old == new).all() for old, new in zip(before, model.get_weights(), strict=True))


def test_trainable_weights_are_trained_and_statistics_follow_the_batches(weights_file):
    model = model_of(image(type="mobilenet", weights=str(weights_file), trainable=True))
    before = {weight.path: weight.numpy() for weight in model.weights}
    assert np.isfinite(train_step(model, {"a_xf": draw(rows=4)}))
    changed = {weight.path for weight in model.weights if (before[weight.path] != weight.numpy()).any()}
    assert any("kernel" in path for path in changed)
    assert any("moving_mean" in path for path in changed)


def test_two_applications_of_one_kind_and_a_cnn_fit_into_one_model(weights_file):
    application = image(type="mobilenet", weights=str(weights_file))
    model = model_of(application, application, image((8, 8, 1), units=3))
    assert model.output.shape == (None, 1024 * 2 + 3)
    pixels = draw()
    encoded = run(model, a_xf=pixels, b_xf=pixels, c_xf=draw((8, 8, 1)))
    np.testing.assert_allclose(encoded[:, :1024], encoded[:, 1024:2048], rtol=1e-5, atol=1e-6)
    paths = [weight.path for weight in model.weights]
    assert len(paths) == len(set(paths))


def test_weights_none_starts_at_random_and_must_be_trained(weights_file):
    application = image(type="mobilenet", weights="none", trainable=True)
    pixels = draw()
    from_file = model_of(image(type="mobilenet", weights=str(weights_file)))
    assert np.abs(run(model_of(application), a_xf=pixels) - run(from_file, a_xf=pixels)).max() > 1e-3
    with pytest.raises(ValidationError, match="would keep random layers"):
        image(type="mobilenet", weights="none", trainable=False)


def test_a_weights_file_that_does_not_fit_is_named(tmp_path, weights_file):
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    files = {name: tmp_path / name for name in ("other.weights.h5", "text.weights.h5", "none.weights.h5", "text.ckpt")}
    other.save_weights(files["other.weights.h5"])
    files["text.weights.h5"].write_text("no weights")
    files["text.ckpt"].write_text("no weights")
    for file in files.values():
        with pytest.raises(DataError, match=f"a: {file} does not hold weights of mobilenet"):
            model_of(image(type="mobilenet", weights=str(file)))
    with pytest.raises(DataError, match=f"{weights_file} does not hold weights of vgg16"):
        model_of(image(type="vgg16", weights=str(weights_file)))


def test_imagenet_without_a_network_is_one_sentence(monkeypatch):
    def fail(weights, **_):
        assert weights == "imagenet"
        raise Exception("URL fetch failure on https://example.org/weights.h5: None -- no route to host")

    monkeypatch.setattr(keras.applications, "MobileNet", fail)
    with pytest.raises(DataError, match=r"a: the imagenet weights of mobilenet cannot be downloaded .*no route") as e:
        model_of(image(type="mobilenet"))
    assert "weights: PATH" in str(e.value)
    assert "weights: none" in str(e.value)
    assert "\n" not in str(e.value)
