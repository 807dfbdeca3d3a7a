"""`trunk` of task.yaml: what the heads share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, Tag

from schema.part import Dropout, Part, by_type

_Levels = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class _Trunk(Part):
    dropout: Dropout = 0.1
    """After every dense layer."""
    feature_dropout: Dropout = 0.0
    """Of whole encoded features, so that none of them is relied upon alone."""
    members: Annotated[int, Field(ge=1, le=256)] = 1
    """Models in one: they share weight matrices and differ in vectors that scale inputs and outputs (TabM, Gorishniy
    2024); a head's answer is the mean of their probabilities. 1 is an ordinary network."""


class SharedTrunk(_Trunk):
    """Dense layers that every head shares."""

    type: Literal["shared"] = "shared"
    units: tuple[PositiveInt, ...] = (128, 64)
    """Width of each layer."""


class IndependentTrunk(_Trunk):
    """Encoders and dense layers of its own for every head: one model per head in all but name, to compare with."""

    type: Literal["independent"] = "independent"
    units: tuple[PositiveInt, ...] = (128, 64)
    """Width of each layer."""


class MmoeTrunk(_Trunk):
    """Multi-gate mixture of experts (Ma 2018): every head mixes the same `experts` by a gate of its own."""

    type: Literal["mmoe"] = "mmoe"
    experts: PositiveInt = 4
    """Number of experts."""
    units: _Levels = (128, 64)
    """Width of each layer of an expert."""


class PleTrunk(_Trunk):
    """Progressive layered extraction (Tang 2020): per level, experts shared by all heads and experts of each head."""

    type: Literal["ple"] = "ple"
    shared_experts: PositiveInt = 2
    """Experts of a level that all heads see."""
    own_experts: PositiveInt = 1
    """Experts of a level for each head alone."""
    units: _Levels = (128, 64)
    """Width of the experts of each level."""


Trunk = Annotated[
    Annotated[SharedTrunk, Tag("shared")]
    | Annotated[IndependentTrunk, Tag("independent")]
    | Annotated[MmoeTrunk, Tag("mmoe")]
    | Annotated[PleTrunk, Tag("ple")],
    by_type("shared"),
]
