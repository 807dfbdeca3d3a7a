"""Training that begins from the weights of a model that was trained before.

What agrees by name is taken over: a layer whose weights have the same names and shapes as a whole; where entries stand
for terms of a vocabulary, classes of a head or encoded features (`trainer.terms`), by these, so that a vocabulary or a
list of classes may have grown, shrunk or changed its order. What is new starts as in any training. So do the optimizer,
the balancing of heads and the calibration: they are no layers.

Numbers are scaled by what each window holds: a z-score of one window is not quite that of the next, nor are the edges
of bins. The weights are taken over as they are, for these shifts are small between windows that overlap, and the first
steps even them out; where a task scales a feature in another way, its column starts badly and is learnt anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

import keras
import numpy as np

from components.trainer.kept_weights import KeptWeight, KeptWeights
from components.trainer.terms import Axes, Terms


@dataclasses.dataclass(frozen=True)
class Taken:
    """A layer that begins from another model's weights.

    Attributes:
        layer: Its name.
        weights: How many numbers were taken over.
        how: `whole`, or `rows` if entries were found by what they stand for.
        rows: How many were found, along the axis where the smallest share was; None if it is whole.
        of: How many there are along that axis; None if it is whole.
    """

    layer: str
    weights: int
    how: Literal["whole", "rows"]
    rows: int | None = None
    of: int | None = None


@dataclasses.dataclass(frozen=True)
class Fresh:
    """A layer that begins as in any training.

    Attributes:
        layer: Its name.
        why: What does not agree.
    """

    layer: str
    why: str


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """How the layers of a model that have weights began: each in one of the two, in the order of the model.

    Attributes:
        taken: Those that were taken over, as a whole or in part.
        fresh: Those that were not.
    """

    taken: tuple[Taken, ...] = ()
    fresh: tuple[Fresh, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Match:
    """Which entries along an axis are those of the other model's.

    Attributes:
        new: Places in this model.
        old: Places in the other.
        size: Of the axis in this model.
        is_whole: Whether all are where they were.
    """

    new: Sequence[int]
    old: Sequence[int]
    size: int
    is_whole: bool


class _Disagree(Exception):
    """Says why a layer cannot be taken over."""


def take_over(model: keras.Model, axes: Mapping[str, Sequence[Axes]], kept: KeptWeights) -> WarmStart:
    """Assigns another model's weights to the layers of a model, where they agree.

    Args:
        model: To begin with; what is not taken over is left as it is.
        axes: What the entries of its weights stand for, by layer.
        kept: The other model's weights.
    """
    taken: list[Taken] = []
    fresh: list[Fresh] = []
    for layer in (layer for layer in model.layers if layer.weights):
        try:
            taken.append(_take_layer(layer, axes[layer.name], kept.get(layer.name)))
        except _Disagree as reason:
            fresh.append(Fresh(layer.name, str(reason)))
    return WarmStart(tuple(taken), tuple(fresh))


def _take_layer(layer: keras.layers.Layer, axes: Sequence[Axes], kept: Sequence[KeptWeight] | None) -> Taken:
    if kept is None:
        raise _Disagree("no layer of this name there")
    if [weight.name for weight in layer.weights] != [weight.name for weight in kept]:
        raise _Disagree("a layer of another kind there")
    # All weights are matched before one is assigned: half a layer is none.
    matches = [_matches(*pair) for pair in zip(layer.weights, axes, kept, strict=True)]
    for weight, old, by_axis in zip(layer.weights, kept, matches, strict=True):
        values = np.array(weight)
        values[_places([match.new for match in by_axis])] = old.values[_places([match.old for match in by_axis])]
        weight.assign(values)
    count = sum(int(np.prod([len(match.new) for match in by_axis])) for by_axis in matches)
    partial = [match for by_axis in matches for match in by_axis if not match.is_whole]
    if not partial:
        return Taken(layer.name, count, "whole")
    least = min(partial, key=lambda match: len(match.new) / match.size)
    return Taken(layer.name, count, "rows", len(least.new), least.size)


def _places(by_axis: Sequence[Sequence[int]]) -> tuple[np.ndarray, ...]:
    """Returns indices of all combinations of places; of a scalar, the scalar."""
    return np.ix_(*(np.asarray(places, int) for places in by_axis))


def _matches(weight: keras.Variable, axes: Axes, kept: KeptWeight) -> list[_Match]:
    """Returns how the entries of a weight are found, axis by axis."""
    shape, before = tuple(weight.shape), kept.values.shape
    same = len(shape) == len(before) and all(
        terms or old_terms or size == old
        for terms, old_terms, size, old in zip(axes, kept.axes, shape, before, strict=True)
    )
    if not same:
        raise _Disagree(f"{weight.name} of shape {shape}, {before} there")
    return [_match(weight.name, *axis) for axis in zip(axes, kept.axes, shape, strict=True)]


def _match(name: str, terms: Terms | None, old_terms: Terms | None, size: int) -> _Match:
    if terms == old_terms:
        return _Match(range(size), range(size), size, True)
    if not (terms and old_terms):
        raise _Disagree(f"{name} of other inputs there")
    places = {term: place for place, term in enumerate(old_terms)}
    found = [(place, places[term]) for place, term in enumerate(terms) if term in places]
    if not found:
        raise _Disagree(f"{name} has no row in common")
    new, old = zip(*found, strict=True)
    return _Match(new, old, size, False)
