"""`heads` of task.yaml: what is classified, with which loss, and how scores become decisions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, PositiveFloat, PositiveInt, Tag

from schema.part import Part, by_type

ClassWeights = Annotated[
    Annotated[Literal["none", "balanced", "effective_number"], Tag("rule")]
    | Annotated[dict[str, PositiveFloat], Tag("by_name")],
    Discriminator(lambda value: "by_name" if isinstance(value, dict) else "rule"),
]


class _Loss(Part):
    weight: PositiveFloat = 1.0
    """Of the head in the sum over heads."""
    class_weights: ClassWeights = "none"
    """`none`, `balanced`, `effective_number`, or a weight by class name (of a tag: of the rows that have it)."""


class CrossEntropy(_Loss):
    """Cross-entropy over labelled rows."""

    type: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the target that is spread over all classes."""


class Focal(_Loss):
    """Cross-entropy times (1 - p)^gamma: rows that are right already count less (Lin 2017)."""

    type: Literal["focal"] = "focal"
    gamma: Annotated[float, Field(ge=0)] = 2.0
    """0 is cross-entropy."""


class LogitAdjusted(_Loss):
    """Cross-entropy of logits plus tau log prior, which asks for equal care for rare classes (Menon 2021)."""

    type: Literal["logit_adjusted"] = "logit_adjusted"
    tau: PositiveFloat = 1.0
    """1 aims at the balanced error."""


Loss = Annotated[
    Annotated[CrossEntropy, Tag("cross_entropy")]
    | Annotated[Focal, Tag("focal")]
    | Annotated[LogitAdjusted, Tag("logit_adjusted")],
    by_type("cross_entropy"),
]


class Dependency(Part):
    """Another head that a head sees."""

    head: str
    """Its name."""
    mode: Literal["features", "probs"] = "features"
    """`features`: its last hidden layer; `probs`: its probabilities, through which no gradient flows."""


def _read_dependency(value: Any) -> Any:
    return {"head": value} if isinstance(value, str) else value


class Threshold(Part):
    """A decision threshold chosen on `eval`."""

    metric: Literal["accuracy", "balanced_accuracy", "f1", "macro_f1"]
    """What it makes as large as possible: `f1` is that of the second class (of a tag: of having it), `macro_f1` the
    mean over the two; a head of more classes takes `accuracy` or `balanced_accuracy`."""


class _Head(Part):
    loss: Loss = CrossEntropy()
    """What training makes small, over labelled rows."""
    units: tuple[PositiveInt, ...] = (32,)
    """Width of the head's own hidden layers."""
    depends_on: tuple[Annotated[Dependency, BeforeValidator(_read_dependency)], ...] = ()
    """Heads that this one sees: a name, or `{head: NAME, mode: probs}`."""
    calibration: Literal["temperature", "none"] = "temperature"
    """`temperature`: scores are probabilities, whatever the loss: what class weights, `focal` and `logit_adjusted` do
    to them is undone, and one temperature is fitted on `eval` (Guo 2017). `none`: as the model was trained."""
    threshold: Threshold | None = None
    """How `label` is decided from the scores; if null, the likeliest class, or every tag above one half."""


class MulticlassHead(_Head):
    """One class out of several; the classes are the label column's string_domain, in that order."""

    type: Literal["multiclass"]


class MultilabelHead(_Head):
    """Any number of tags; the tags are the label column's string_domain, in that order.

    The column holds a list per row: an empty one means that no tag applies, null that nobody knows.
    """

    type: Literal["multilabel"]
    separator: Annotated[str, Field(min_length=1)] = "|"
    """Between the tags where the column holds texts, as in CSV; blanks around a tag do not count. An empty text means
    that nobody knows; a separator alone, such as `|`, that no tag applies."""


Head = Annotated[MulticlassHead | MultilabelHead, Field(discriminator="type")]
