"""Models in one: layers that share their weights among members (TabM, Gorishniy et al. 2024, arXiv 2410.24210).

A members' axis stands second, `(batch, members, width)`; layers that find none are ordinary dense layers.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("multihead")
class Members(keras.layers.Layer):
    """Repeats its input for every member, each scaled by a vector of its own that starts as random signs.

    Args:
        members: How many.

    Input shape:
        `(batch, width)`.

    Output shape:
        `(batch, members, width)`.
    """

    def __init__(self, members: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.members = members

    def build(self, input_shape: Any) -> None:
        """Makes the scales."""
        self.scale = self.add_weight(shape=(self.members, input_shape[-1]), initializer=_random_signs, name="scale")

    def call(self, inputs: Any) -> Any:
        """Returns the scaled copies."""
        return keras.ops.expand_dims(inputs, 1) * self.scale


@keras.saving.register_keras_serializable("multihead")
class MemberDense(keras.layers.Layer):
    """A dense ReLU layer whose kernel all members share: s_m * ((r_m * x_m) W) + b_m for member m (equation 1).

    Args:
        units: Width of the output.

    Input shape:
        `(batch, members, width)`.

    Output shape:
        `(batch, members, units)`.
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Makes the kernel and, for every member, scales and bias."""
        _, members, width = input_shape
        self.kernel = self.add_weight(shape=(width, self.units), initializer="glorot_uniform", name="kernel")
        self.input_scale = self.add_weight(shape=(members, width), initializer="ones", name="scale_in")
        self.output_scale = self.add_weight(shape=(members, self.units), initializer="ones", name="scale_out")
        self.bias = self.add_weight(shape=(members, self.units), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Returns the activations."""
        members, width = self.input_scale.shape
        # One large product of matrices: TensorFlow would take a product per row of the batch for three axes.
        rows = keras.ops.reshape(inputs * self.input_scale, (-1, width))
        outputs = keras.ops.reshape(keras.ops.matmul(rows, self.kernel), (-1, members, self.units))
        return keras.ops.relu(outputs * self.output_scale + self.bias)


@keras.saving.register_keras_serializable("multihead")
class Output(keras.layers.Layer):
    """A linear layer, of its own for every member if there are members, that starts as a constant.

    Args:
        start: The constant, `(units,)`.

    Input shape:
        `(batch, width)` or `(batch, members, width)`.

    Output shape:
        The same with `units` in place of `width`.
    """

    def __init__(self, start: np.ndarray, **kwargs: Any):
        super().__init__(**kwargs)
        self.start = np.asarray(start, "float32")

    def build(self, input_shape: Any) -> None:
        """Makes kernels of zeros, and biases."""
        *members, width = input_shape[1:]
        shape = (*members, width, len(self.start))
        self.kernel = self.add_weight(shape=shape, initializer="zeros", name="kernel")
        start = np.broadcast_to(self.start, (*members, len(self.start)))
        self.bias = self.add_weight(shape=start.shape, initializer=lambda shape, dtype: start, name="bias")

    def call(self, inputs: Any) -> Any:
        """Returns the logits."""
        return keras.ops.einsum("b...i,...ij->b...j", inputs, self.kernel) + self.bias


def _random_signs(shape: Any, dtype: Any = None) -> Any:
    return keras.ops.cast(keras.random.randint(shape, 0, 2) * 2 - 1, dtype or "float32")
