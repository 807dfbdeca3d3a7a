"""An exported model, loaded to answer: for the canary, batch prediction and the server alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.exported import Exported, read_exported
from schema import names
from schema.errors import DataError

# What TensorFlow puts around the sentence that says what is wrong: stacks, functions, nodes and operations.
_FRAMES = re.compile(
    r"Graph execution error:.*<stack traces unavailable>|\{\{.*?\}\}|\[Op:.*?\]|\n\t \[\[.*", re.DOTALL
)


class Servable:
    """A SavedModel in memory.

    Attributes:
        folder: It was loaded from.
        version: The folder's number; None if its name is none.
        exported: What it says of its heads and features.
    """

    def __init__(self, folder: Path, exported: Exported, loaded: Any):
        self.folder = folder
        self.version = int(folder.name) if folder.name.isdecimal() else None
        self.exported = exported
        # Held, because signatures alone do not keep a model's variables.
        self._loaded = loaded
        self._left_out: dict[str, Any] = {}
        if names.SERVING_DEFAULT in loaded.signatures:
            import tensorflow as tf

            specs = loaded.signatures[names.SERVING_DEFAULT].structured_input_signature[1]
            self._left_out = {name: tf.zeros([0], specs[name].dtype) for name in sorted(specs)}

    @classmethod
    def load(cls, folder: Path) -> Servable:
        """Loads a model; this imports TensorFlow.

        Args:
            folder: A SavedModel that the Trainer exported.

        Raises:
            DataError: There is no such model in it.
        """
        exported = read_exported(folder)
        import tensorflow as tf

        try:
            return cls(folder, exported, tf.saved_model.load(str(folder)))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise DataError(f"{folder}: cannot be loaded as a SavedModel ({error}); export the model anew") from None

    def predict(self, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Answers rows given by feature.

        Python's signatures do not fill in their own defaults, as TensorFlow Serving does: that is done here.

        Args:
            columns: Arrays `(batch,)` by feature: whole numbers, numbers, or texts and bytes, as its `dtype` says.
                `names.MISSING_INT`, NaN or an empty text where a row has no value; features without any may be left
                out.

        Returns:
            Arrays `(batch, ...)` by signature output, as `schema.names` says; strings as bytes.

        Raises:
            DataError: There is no such feature, values are of another type, columns differ in length, or an image
                cannot be decoded.
        """
        signature = self._signature(names.SERVING_DEFAULT)
        tensors = self._left_out | {name: self._tensor(name, values) for name, values in columns.items()}
        try:
            return _answer(lambda: signature(**tensors))
        except DataError as error:
            raise DataError(self._broken_image(columns) or str(error)) from None

    def predict_examples(
        self, serialized: Sequence[bytes], signature: str = names.SERVING_TF_EXAMPLE
    ) -> dict[str, np.ndarray]:
        """Answers rows given as serialized tf.Examples of raw values.

        Args:
            serialized: `(batch,)`; labels in them are not read.
            signature: The one to ask, of those that take examples.

        Returns:
            As `predict`.

        Raises:
            DataError: An example is damaged, a feature has another type or several values, or an image cannot be
                decoded.
        """
        from components import raw_examples

        ask = self._signature(signature)
        given = {names.EXAMPLES: raw_examples.tensor(serialized)}
        try:
            return _answer(lambda: ask(**given))
        except DataError as error:
            raise DataError(raw_examples.problem(serialized, self.exported.features) or str(error)) from None

    def _signature(self, name: str) -> Callable[..., dict[str, Any]]:
        if name not in self._loaded.signatures:
            raise DataError(f"{self.folder}: this model has no signature {name}; export the model anew")
        return self._loaded.signatures[name]

    def _tensor(self, name: str, values: Any) -> Any:
        """Returns a column as a tensor; TensorFlow itself would round numbers to whole ones without a word."""
        import tensorflow as tf

        if name not in self._left_out:
            raise DataError(f"'{name}' is not a feature of the model; there are {', '.join(self._left_out)}")
        array, empty = np.asarray(values), self._left_out[name]
        if array.ndim != 1:
            raise DataError(f"feature '{name}' takes one value per row, got an array of shape {array.shape}")
        try:
            if array.size == 0:
                return empty
            if empty.dtype != tf.string:
                array = array.astype(empty.dtype.as_numpy_dtype, casting="same_kind")
            return tf.convert_to_tensor(array, empty.dtype)
        except (TypeError, ValueError):
            raise DataError(f"feature '{name}' takes {empty.dtype.name} values, got {array.dtype}") from None

    def _broken_image(self, columns: Mapping[str, Any]) -> str | None:
        """Returns which image the model could not decode, which TensorFlow does not say; None if they all can be."""
        import tensorflow as tf

        from components import images

        for name, feature in self.exported.features.items():
            for row, encoded in enumerate(columns.get(name, ()) if feature.type == "image" else ()):
                problem = images.check(tf.compat.as_bytes(encoded)) if encoded else None
                if problem:
                    return f"feature '{name}', row {row}: the image {problem}"
        return None


def _answer(ask: Callable[[], dict[str, Any]]) -> dict[str, np.ndarray]:
    """Returns what a signature answers; a refusal by the model's graph as one sentence."""
    import tensorflow as tf

    try:
        return {name: tensor.numpy() for name, tensor in ask().items()}
    except tf.errors.InvalidArgumentError as error:
        raise DataError(" ".join(_FRAMES.sub("", error.message).split())) from None
    except UnicodeDecodeError:
        # TensorFlow repeats the bytes of a damaged tf.Example in its message, and then cannot raise it.
        raise DataError("a tf.Example is damaged") from None
