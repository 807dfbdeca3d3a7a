"""Images of every kind, made by Pillow, decoded eagerly and in a graph."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.images import check, decode, decode_batch

_SHAPE = (6, 8, 3)


def smooth(height=6, width=8):
    """A picture without sharp edges, which JPEG keeps well."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 / width, y * 255 / height, np.full((height, width), 90.0)], axis=-1).astype(np.uint8)


def encode(picture, kind, **options):
    """Returns a picture (of Pillow, or its pixels) as the bytes of a file."""
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def pixels(encoded, shape=_SHAPE):
    return decode(tf.constant(encoded), shape).numpy()


RGB = Image.fromarray(smooth())
GREY = RGB.convert("L")
PALETTE = RGB.quantize(16)
_EXACT = {
    "png": (encode(RGB, "PNG"), RGB),
    "png grey": (encode(GREY, "PNG"), GREY),
    "png black and white": (encode(GREY.convert("1"), "PNG"), GREY.convert("1")),
    "png palette": (encode(PALETTE, "PNG"), PALETTE),
    "png opaque": (encode(RGB.convert("RGBA"), "PNG"), RGB),
    "png grey opaque": (encode(GREY.convert("LA"), "PNG"), GREY),
    "gif": (encode(PALETTE, "GIF"), PALETTE),
    "bmp": (encode(RGB, "BMP"), RGB),
    "bmp grey": (encode(GREY, "BMP"), GREY),
    "bmp palette": (encode(PALETTE, "BMP"), PALETTE),
}


@pytest.mark.parametrize("kind", _EXACT)
def test_kinds_without_loss_come_as_they_were(kind):
    encoded, picture = _EXACT[kind]
    np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), pixels(encoded))
    assert check(encoded) is None


@pytest.mark.parametrize(
    ("picture", "expected"),
    [(RGB, RGB), (GREY, GREY), (GREY.convert("LA").convert("L"), GREY)],
    ids=["rgb", "grey", "l"],
)
def test_jpeg_comes_nearly_as_it_was(picture, expected):
    decoded = pixels(encode(picture, "JPEG", quality=95, subsampling=0))
    np.testing.assert_allclose(decoded.astype(int), np.asarray(expected.convert("RGB")), atol=12)


@pytest.mark.parametrize(
    ("inks", "colour"),
    [
        ((0, 255, 255, 0), (255, 0, 0)),
        ((255, 255, 0, 0), (0, 0, 255)),
        ((0, 0, 0, 255), (0, 0, 0)),
        ((0, 0, 0, 0), (255, 255, 255)),
    ],
)
def test_cmyk_becomes_rgb(inks, colour):
    encoded = encode(Image.new("CMYK", (8, 6), inks), "JPEG", quality=100)
    np.testing.assert_allclose(pixels(encoded).reshape(-1, 3).mean(axis=0), colour, atol=3)


def test_16_bits_become_8():
    values = np.arange(48, dtype=np.uint16).reshape(6, 8) * 1365
    decoded = pixels(encode(values, "PNG"), (6, 8, 1))[..., 0]
    np.testing.assert_allclose(decoded, values / 257, atol=1)


def test_transparent_parts_become_white():
    rgba = np.zeros((6, 8, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[:, 2:4, 3] = 255
    rgba[:, 4:, 3] = 51  # One fifth.
    decoded = pixels(encode(rgba, "PNG"))
    assert decoded[0, [0, 2, 4]].tolist() == [[255, 255, 255], [200, 0, 0], [244, 204, 204]]
    grey = np.zeros((6, 8, 2), np.uint8)
    assert (pixels(encode(Image.fromarray(grey, "LA"), "PNG"), (6, 8, 1)) == 255).all()
    clear = encode(PALETTE, "PNG", transparency=PALETTE.getpixel((0, 0)))
    assert pixels(clear)[0, 0].tolist() == [255, 255, 255]


def test_the_spare_byte_of_a_bmp_is_not_taken_for_transparency():
    encoded = bytearray(encode(RGB.convert("RGBA"), "BMP"))
    start = int.from_bytes(encoded[10:14], "little")
    encoded[start + 3 :: 4] = bytes(len(encoded[start + 3 :: 4]))
    np.testing.assert_array_equal(np.asarray(RGB), pixels(bytes(encoded)))


def test_the_first_frame_of_a_gif_counts():
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    encoded = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (pixels(encoded) == (255, 0, 0)).all()


def test_grey_and_rgb_as_the_shape_asks():
    grey = pixels(encode(GREY, "PNG"))
    assert (grey == grey[..., :1]).all()
    as_grey = pixels(encode(RGB, "PNG"), (6, 8, 1))
    np.testing.assert_allclose(as_grey[..., 0].astype(int), np.asarray(GREY), atol=1)
    np.testing.assert_array_equal(np.asarray(GREY), pixels(encode(GREY, "PNG"), (6, 8, 1))[..., 0])


@pytest.mark.parametrize("shape", [(3, 4, 3), (12, 16, 3), (5, 9, 1), (1, 1, 3)])
def test_another_size_is_resized(shape):
    decoded = pixels(encode(smooth(60, 80), "PNG"), shape)
    assert decoded.shape == shape
    assert decoded.dtype == np.uint8
    picture = Image.fromarray(smooth(60, 80)).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    expected = np.asarray(picture.convert("RGB" if shape[2] == 3 else "L")).reshape(shape)
    np.testing.assert_allclose(decoded.astype(int), expected, atol=2)


def test_making_an_image_small_averages_it():
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    np.testing.assert_allclose(pixels(encode(board.astype(np.uint8), "PNG"), (8, 8, 1)), 127.5, atol=10)


def test_no_image_gives_zeros():
    assert (pixels(b"") == 0).all()
    assert check(b"") == "is empty"


_BROKEN = {
    "text": (b"not an image", "is none of PNG, JPEG, GIF, BMP"),
    "webp": (encode(RGB, "WEBP"), "is none of PNG, JPEG, GIF, BMP"),
    "png": (encode(RGB, "PNG")[:-20], "is a PNG file that is damaged"),
    "jpeg": (encode(RGB, "JPEG")[:300], "is a JPEG file that is damaged"),
    "gif": (encode(RGB, "GIF")[:40], "is a GIF file that is damaged"),
    "bmp": (encode(RGB, "BMP")[:-9], "is a BMP file that is damaged"),
    "bmp header": (encode(PALETTE, "BMP")[:30], "is a BMP file that is damaged"),
    "bmp black and white": (encode(GREY.convert("1"), "BMP"), "or of a kind that TensorFlow does not read"),
}


@pytest.mark.parametrize("kind", _BROKEN)
def test_what_cannot_be_decoded_is_told_and_raises(kind):
    encoded, reason = _BROKEN[kind]
    assert reason in check(encoded)
    in_graph = tf.function(lambda batch: decode_batch(batch, _SHAPE))
    with pytest.raises(tf.errors.InvalidArgumentError):
        in_graph(tf.constant([encode(RGB, "PNG"), encoded]))


def test_batches_in_a_graph_are_as_single_images():
    encoded = [*(encoded for encoded, _ in _EXACT.values()), encode(smooth(20, 9), "JPEG"), b""]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def in_graph(batch):
        return decode_batch(batch, _SHAPE)

    decoded = in_graph(tf.constant(encoded))
    assert in_graph.get_concrete_function().structured_outputs.shape.as_list() == [None, *_SHAPE]
    np.testing.assert_array_equal(np.stack([pixels(one) for one in encoded]), decoded)
    assert in_graph(tf.constant([], tf.string)).shape == (0, *_SHAPE)
