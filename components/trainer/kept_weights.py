"""The weights of an exported model by layer, for another training to begin from.

A SavedModel keeps every variable once, in its checkpoint. ServingModule tracks those of the layers as a list, under
`ATTRIBUTE`, which gives each a key there that is known beforehand; a file beside the model says which they are. Both
are read without running anything that the model holds.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.exported import EXTRA_FOLDER
from components.trainer.terms import Axes
from schema.errors import DataError

FILE = "weights.json"
ATTRIBUTE = "layer_weights"
_KEY = ATTRIBUTE + "/{}/.ATTRIBUTES/VARIABLE_VALUE"


@dataclasses.dataclass(frozen=True)
class KeptWeight:
    """A weight of a layer.

    Attributes:
        name: As `kernel`.
        values: Its own dtype and shape.
        axes: What its entries stand for.
    """

    name: str
    values: np.ndarray
    axes: Axes


# By layer, in the order of the layer's weights.
KeptWeights = Mapping[str, Sequence[KeptWeight]]


def layer_weights(model: keras.Model) -> list[keras.Variable]:
    """Returns the weights of all layers, one layer after the other."""
    return [weight for layer in model.layers for weight in layer.weights]


def write(folder: Path, model: keras.Model, axes: Mapping[str, Sequence[Axes]]) -> None:
    """Writes, into a SavedModel's folder, which weights ATTRIBUTE lists.

    Args:
        folder: Of the SavedModel.
        model: That was saved.
        axes: As `terms.axes_of` returns them.
    """
    layers = {
        layer.name: [
            {"name": weight.name, "axes": of_weight}
            for weight, of_weight in zip(layer.weights, axes[layer.name], strict=True)
        ]
        for layer in model.layers
        if layer.weights
    }
    (folder / EXTRA_FOLDER / FILE).write_text(json.dumps({"layers": layers}) + "\n", encoding="utf-8")


def read(folder: Path) -> dict[str, list[KeptWeight]]:
    """Reads the weights of a SavedModel.

    Raises:
        DataError: There is no model, or none that says which weights it has; the sentence says so.
    """
    if not folder.is_dir():
        raise DataError("there is no baseline to begin from")
    file = folder / EXTRA_FOLDER / FILE
    try:
        layers = json.loads(file.read_text(encoding="utf-8"))["layers"]
        return _read(layers, tf.train.load_checkpoint(str(folder / "variables" / "variables")))
    except FileNotFoundError:
        raise DataError(
            "the last blessed model is of an earlier version, which did not say whose its weights are"
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, tf.errors.OpError) as error:
        raise DataError(f"the weights of the last blessed model cannot be read ({error})") from None


def _read(layers: Mapping[str, Sequence[Mapping[str, Any]]], variables: Any) -> dict[str, list[KeptWeight]]:
    kept: dict[str, list[KeptWeight]] = {}
    number = 0
    for layer, weights in layers.items():
        kept[layer] = []
        for weight in weights:
            values = variables.get_tensor(_KEY.format(number))
            axes = tuple(None if terms is None else tuple(terms) for terms in weight["axes"])
            if any(terms and len(terms) != size for terms, size in zip(axes, values.shape, strict=True)):
                raise ValueError(f"{FILE} does not fit them")
            kept[layer].append(KeptWeight(weight["name"], values, axes))
            number += 1
    return kept
