"""`training` of task.yaml: how the model is fitted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, Tag

from schema.part import Part, by_type

# PCGrad holds the gradients of the shared weights once per head.
MAX_PCGRAD_HEADS = 8


class EarlyStopping(Part):
    """Stops when the loss on `eval` has not improved for `patience` epochs; the best weights are kept."""

    patience: PositiveInt = 3
    """Epochs."""


class FixedBalancing(Part):
    """sum_i w_i L_i / H_i, where H_i is the entropy of head i's classes in the training rows."""

    type: Literal["fixed"] = "fixed"


class UncertaintyBalancing(Part):
    """sum_i exp(-s_i) L_i + s_i / 2 with learnt s_i (Kendall 2018), of the losses as `fixed` scales them."""

    type: Literal["uncertainty"]
    learning_rate: PositiveFloat = 0.01
    """Of the s_i, which are kept between -3 and 3."""


class FamoBalancing(Part):
    """Every head's loss falls at the same rate (FAMO, Liu 2023); one more forward pass per step."""

    type: Literal["famo"]
    learning_rate: PositiveFloat = 0.025
    """Of the weights' logits."""
    decay: Annotated[float, Field(ge=0)] = 1e-3
    """Weight decay of the logits, towards equal weights."""


class DwaBalancing(Part):
    """Dynamic weight average: heads whose loss fell least in the last epoch weigh most (Liu 2019)."""

    type: Literal["dwa"]
    temperature: PositiveFloat = 2.0
    """Large: nearly equal weights."""


class PcgradBalancing(Part):
    """Where two heads' gradients of shared weights conflict, each loses what opposes the other (Yu 2020)."""

    type: Literal["pcgrad"]


Balancing = Annotated[
    Annotated[FixedBalancing, Tag("fixed")]
    | Annotated[UncertaintyBalancing, Tag("uncertainty")]
    | Annotated[FamoBalancing, Tag("famo")]
    | Annotated[DwaBalancing, Tag("dwa")]
    | Annotated[PcgradBalancing, Tag("pcgrad")],
    by_type("fixed"),
]


class Adam(Part):
    """Adam (Kingma 2015)."""

    type: Literal["adam"] = "adam"


class AdamW(Part):
    """Adam with decoupled weight decay (Loshchilov 2019), which leaves biases, scales and embeddings alone."""

    type: Literal["adamw"]
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Per step, times the learning rate."""


Optimizer = Annotated[
    Annotated[Adam, Tag("adam")] | Annotated[AdamW, Tag("adamw")],
    by_type("adam"),
]


class _Schedule(Part):
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    """Epochs in which the learning rate rises from 0; fewer than `epochs`."""


class ConstantSchedule(_Schedule):
    """The same learning rate throughout."""

    type: Literal["constant"] = "constant"


class CosineSchedule(_Schedule):
    """Falls along half a cosine to `final` times the learning rate at the last epoch (Loshchilov 2017)."""

    type: Literal["cosine"]
    final: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the learning rate that is left."""


class PlateauSchedule(_Schedule):
    """Multiplied by `factor` whenever the loss on `eval` has not improved for `patience` epochs."""

    type: Literal["plateau"]
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """What is left of the learning rate each time."""
    patience: PositiveInt = 1
    """Epochs; fewer than that of early stopping."""


Schedule = Annotated[
    Annotated[ConstantSchedule, Tag("constant")]
    | Annotated[CosineSchedule, Tag("cosine")]
    | Annotated[PlateauSchedule, Tag("plateau")],
    by_type("constant"),
]


class Training(Part):
    """How the model is fitted."""

    epochs: PositiveInt = 20
    """Passes over the training rows, at most."""
    batch_size: PositiveInt = 1024
    """Rows per step."""
    learning_rate: PositiveFloat = 1e-3
    """Largest step size; the schedule lowers it."""
    optimizer: Optimizer = Adam()
    """How gradients become steps."""
    schedule: Schedule = ConstantSchedule()
    """How the learning rate changes over the epochs."""
    gradient_clip: PositiveFloat | None = None
    """Largest norm of all gradients together; longer ones are scaled down."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Momentum per step of a moving average of the weights, which is then what is evaluated and served; null: none."""
    early_stopping: EarlyStopping | None = EarlyStopping()
    """When to stop before `epochs`; if null, never, and the last weights are kept."""
    warm_start: bool = False
    """Whether to begin from the weights of the last blessed model, where layers agree by name and shape; terms of a
    vocabulary and classes find their own. Of a run, that is: `multihead compare` always begins anew."""
    balancing: Balancing = FixedBalancing()
    """How the losses of the heads become one step."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of weights, dropout and the order of rows."""
