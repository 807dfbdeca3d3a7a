"""Encoded images as pixels: the one way in which ingestion, training and the served model read them."""

from __future__ import annotations

import tensorflow as tf

Shape = tuple[int, int, int]

# How files of each kind begin; TensorFlow tells them apart in the same way. What newer ones read besides (WebP) is
# refused, so that a model means the same wherever it is served.
_KINDS = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "GIF": b"GIF8", "BMP": b"BM"}
# ITU-R BT.601, as Pillow has it.
_LUMINANCE = (0.299, 0.587, 0.114)


def check(encoded: bytes) -> str | None:
    """Returns why an image cannot be decoded, as the end of a sentence about it; None if it can."""
    if not encoded:
        return "is empty"
    kind = next((kind for kind, start in _KINDS.items() if encoded.startswith(start)), None)
    if kind is None:
        return f"is none of {', '.join(_KINDS)}"
    try:
        _try(tf.constant(encoded))
    except tf.errors.InvalidArgumentError:
        return f"is a {kind} file that is damaged or of a kind that TensorFlow does not read"
    return None


def decode(encoded: tf.Tensor, shape: Shape) -> tf.Tensor:
    """Returns the pixels of an image, brought to a shape.

    PNG, JPEG, GIF (the first frame) and BMP of any depth; transparent parts become white, grey becomes RGB or RGB grey
    as the shape asks, and another size is resized (bilinear, antialiased). A JPEG's EXIF orientation is not applied.

    Args:
        encoded: A string scalar; an empty one, where there is no image, gives zeros.
        shape: Height, width and channels (1 or 3).

    Returns:
        uint8 tensor of the shape.

    Raises:
        tf.errors.InvalidArgumentError: When it runs, on bytes that are no such image.
    """
    return tf.cond(tf.equal(encoded, ""), lambda: tf.zeros(shape, tf.uint8), lambda: _to_shape(_pixels(encoded), shape))


def decode_batch(encoded: tf.Tensor, shape: Shape) -> tf.Tensor:
    """Returns the pixels of several images: `(batch,)` gives uint8 `(batch, height, width, channels)`."""
    return tf.map_fn(lambda one: decode(one, shape), encoded, fn_output_signature=tf.TensorSpec(shape, tf.uint8))


def _pixels(encoded: tf.Tensor) -> tf.Tensor:
    """Returns RGB values from 0 to 255 on white: float32 `(height, width, 3)`, of the image's own height and width."""
    starts = [tf.equal(tf.strings.substr(encoded, 0, len(start)), start) for start in _KINDS.values()]
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_any(starts), ["no image of a kind that is read"])]):
        stored = tf.io.decode_image(encoded, expand_animations=False)
    is_bmp = tf.equal(tf.strings.substr(encoded, 0, 2), _KINDS["BMP"])
    has_palette = is_bmp & tf.equal(tf.shape(stored)[2], 1)
    stored = tf.cond(has_palette, lambda: _look_up(encoded, stored), lambda: stored)
    values = tf.cast(stored, tf.float32)
    channels = tf.shape(values)[2]  # 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    has_alpha = tf.equal(channels % 2, 0)
    colour = values[:, :, : channels - tf.cast(has_alpha, tf.int32)]
    # The fourth byte of a BMP's pixel is padding as a rule, often 0: it does not mean transparent.
    opacity = tf.where(has_alpha & ~is_bmp, values[:, :, -1:] / 255.0, 1.0)
    on_white = colour * opacity + 255.0 * (1.0 - opacity)
    return tf.broadcast_to(on_white, tf.concat([tf.shape(values)[:2], [3]], axis=0))


# A graph, made at the first call: op by op takes ten times as long.
_try = tf.function(_pixels, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)


def _look_up(encoded: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Returns the RGB of a BMP with a palette, which TensorFlow reads as if indices were shades of grey."""
    header_size = tf.io.decode_raw(tf.strings.substr(encoded, 14, 4), tf.int32)[0]
    # Behind the file's header and its own: blue, green, red and a spare byte per colour, 256 colours at most.
    entries = tf.io.decode_raw(tf.strings.substr(encoded, 14 + header_size, 256 * 4), tf.uint8)
    palette = tf.reshape(entries[: tf.size(entries) // 4 * 4], [-1, 4])[:, 2::-1]
    return tf.gather(palette, tf.cast(indices[:, :, 0], tf.int32))


def _to_shape(pixels: tf.Tensor, shape: Shape) -> tf.Tensor:
    height, width, channels = shape
    if channels == 1:
        pixels = tf.reduce_sum(pixels * tf.constant(_LUMINANCE), axis=2, keepdims=True)
    is_right = tf.reduce_all(tf.equal(tf.shape(pixels)[:2], [height, width]))
    resized = tf.cond(is_right, lambda: pixels, lambda: tf.image.resize(pixels, [height, width], antialias=True))
    return tf.ensure_shape(tf.saturate_cast(tf.round(resized), tf.uint8), shape)
