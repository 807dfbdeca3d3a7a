"""What the entries of a layer's weights stand for, where that has a name: terms, classes, encoded features.

Two models that both have a layer need not have it alike: a vocabulary is sorted by how frequent its terms were, a head
may have one class more, a feature may have gone. Where entries are named, they can be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import keras
import tensorflow_transform as tft

from components.trainer.trunks.members import MemberDense, Members, Output
from components.transform.features.vocabulary import terms_of_ids
from schema.task import TaskSpec

# Names of the entries along an axis.
Terms = tuple[str, ...]
# Of one weight, by axis: None where entries are mere units, which only their place tells apart.
Axes = tuple[Terms | None, ...]

# Layers that a concatenation may feed, and the axis along which each weight of theirs meets it.
_READERS = (keras.layers.Dense, MemberDense, Members, Output)
_INPUT_AXES = {"kernel": -2, "scale": -1, "scale_in": -1}


def axes_of(
    model: keras.Model, task: TaskSpec, classes: Mapping[str, Sequence[str]], transform_output: tft.TFTransformOutput
) -> dict[str, list[Axes]]:
    """Returns what the entries of all weights stand for, by layer, in the order of the layer's weights.

    Args:
        model: As `build_model` built it for the task.
        task: Features, trunk and heads.
        classes: Names of classes or tags, by head.
        transform_output: The vocabularies.
    """
    # A trunk of independent heads has encoders of its own for each.
    prefixes = [f"{head}_" for head in task.heads] if task.trunk.type == "independent" else [""]
    ids = {
        f"{prefix}{feature}_embedding": terms
        for feature, terms in terms_of_ids(task, transform_output).items()
        for prefix in prefixes
    }
    joined = _joined(model, task, classes, prefixes)
    read: dict[int, Terms] = {}
    axes: dict[str, list[Axes]] = {}
    for layer in model.layers:  # From the inputs on.
        if layer.name in joined:
            read[id(layer.output)] = joined[layer.name]
        if not layer.weights:
            continue
        inputs = read.get(id(layer.input)) if isinstance(layer, _READERS) else None
        outputs = _answers(layer.name, task, classes) if isinstance(layer, Output) else None
        if isinstance(layer, Members) and inputs:
            read[id(layer.output)] = inputs
        axes[layer.name] = [_axes(weight, ids.get(layer.name), inputs, outputs) for weight in layer.weights]
    return axes


def _axes(weight: keras.Variable, ids: Terms | None, inputs: Terms | None, outputs: Terms | None) -> Axes:
    axes: list[Terms | None] = [None] * len(weight.shape)
    if ids:
        axes[0] = ids
    if inputs and weight.name in _INPUT_AXES:
        axes[_INPUT_AXES[weight.name]] = inputs
    if outputs:
        axes[-1] = outputs
    return tuple(axes)


def _answers(head: str, task: TaskSpec, classes: Mapping[str, Sequence[str]]) -> Terms:
    """Returns what the logits of a head stand for: one of the tags is another thing than one of the classes."""
    return tuple(f"{task.heads[head].type} {name}" for name in classes[head])


def _joined(
    model: keras.Model, task: TaskSpec, classes: Mapping[str, Sequence[str]], prefixes: Sequence[str]
) -> dict[str, Terms]:
    """Returns what the entries of concatenations stand for, by layer."""
    names = {layer.name for layer in model.layers}
    parts: dict[str, list[Iterator[str]]] = {}
    for layer in (f"{prefix}fused" for prefix in prefixes):
        if layer in names:
            widths = _widths(model.get_layer(layer))
            parts[layer] = [_places(*part) for part in zip(task.features, widths, strict=True)]
    for head, spec in task.heads.items():
        if spec.depends_on:
            width, *others = _widths(model.get_layer(f"{head}_sees"))
            parts[f"{head}_sees"] = [
                _places("trunk", width),
                *(
                    _places(f"hidden {other.head}", width)
                    if other.mode == "features"
                    else (f"{other.head} {name}" for name in classes[other.head])
                    for other, width in zip(spec.depends_on, others, strict=True)
                ),
            ]
    return {layer: tuple(term for part in of_layer for term in part) for layer, of_layer in parts.items()}


def _widths(concatenation: keras.layers.Layer) -> list[int]:
    return [tensor.shape[-1] for tensor in concatenation.input]


def _places(name: str, width: int) -> Iterator[str]:
    """Yields names of units: of another width they are others."""
    return (f"{name} {i} of {width}" for i in range(width))
