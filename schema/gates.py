"""When a model is good enough: bounds on metrics, of one head or of all heads together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, PlainSerializer, PositiveInt, Tag, model_validator

from schema.part import Part

# The key of the gates over all heads together, beside those of the heads.
JOINT = "joint"
HeadMetric = Literal["accuracy", "balanced_accuracy", "auc", "macro_f1", "log_loss", "ece"]
JointMetric = Literal["exact_match", "hamming_loss", "label_consistency"]
METRICS: tuple[str, ...] = get_args(HeadMetric)
JOINT_METRICS: tuple[str, ...] = get_args(JointMetric)
# A smaller one counts as this, Keras's epsilon: one impossible label does not make the log loss infinite.
MIN_PROBABILITY = 1e-7
# Every metric is from 0 to this; log_loss in nats.
LARGEST: Mapping[str, float] = {
    **dict.fromkeys((*METRICS, *JOINT_METRICS), 1.0),
    "log_loss": -math.log(MIN_PROBABILITY),
}
LOWER_IS_BETTER = frozenset({"log_loss", "ece", "hamming_loss", "label_consistency"})
# Values of a column with fewer labelled rows are bad or good by chance: they do not decide unless a gate says so.
EVERY_VALUE_MIN_LABELLED = 100


def _read_slice_value(value: Any) -> Any:
    is_finite = not isinstance(value, float) or math.isfinite(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not is_finite:
        raise ValueError("must be a text or a number")
    return value


# Checked first: a union says once per member what is wrong.
SliceValue = Annotated[str | int | float, BeforeValidator(_read_slice_value)]


def _read_slice(value: Any) -> Any:
    if not isinstance(value, dict | str | list | tuple):
        raise ValueError("must be `{column: value}`, or a column or a list of columns for every value of it")
    return tuple(value) if isinstance(value, list) else value


def _form_of_slice(value: Any) -> str:
    if isinstance(value, str):
        return "column"
    return "values" if isinstance(value, dict) else "columns"


Slice = Annotated[
    Annotated[str, Tag("column")]
    | Annotated[tuple[str, ...], Field(min_length=1), Tag("columns")]
    | Annotated[dict[str, SliceValue], Tag("values")],
    Discriminator(_form_of_slice),
    BeforeValidator(_read_slice),
]


class Gate(Part):
    """A bound that a metric must keep on `test`, overall or on slices, before a model is pushed.

    Gates of a head bound its own metrics, gates under `joint` those of all heads together.
    """

    metric: Literal[HeadMetric, JointMetric]
    """What is bounded, over labelled rows: a number from 0 to 1, of `log_loss` to 16.118 nats."""
    min: float | None = None
    """Least value that passes."""
    max: float | None = None
    """Largest value that passes."""
    max_drop: Annotated[float, Field(ge=0)] | None = None
    """Largest loss against the last blessed model on the same rows."""
    slice: Slice = {}
    """Rows to look at: of a value by column, all of them if empty; or of every value of a column, or of several."""
    min_labelled: PositiveInt | None = None
    """Labelled rows without which a slice does not decide; if `null`, 100 for every value of a column, else 1."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the slice names; none if the gate looks at all rows."""
        return (self.slice,) if isinstance(self.slice, str) else tuple(self.slice)

    @property
    def is_on_every_value(self) -> bool:
        """Whether every value, or combination of values, of the columns must keep the bounds."""
        return not isinstance(self.slice, dict)

    @property
    def labelled_needed(self) -> int:
        """Labelled rows without which a slice does not decide."""
        return self.min_labelled or (EVERY_VALUE_MIN_LABELLED if self.is_on_every_value else 1)

    @model_validator(mode="after")
    def _is_meaningful(self) -> Gate:
        if self.min is None and self.max is None and self.max_drop is None:
            raise ValueError("a gate needs `min`, `max` or `max_drop`")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}: nothing could pass")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("a column stands twice in `slice`")
        return self


def _read_gates(value: Any) -> Any:
    if value == "none":
        return ()
    if not isinstance(value, list) or not value:
        raise ValueError("must be `none` or a list of gates such as [{metric: auc, min: 0.7}]")
    return tuple(value)


Gates = Annotated[
    tuple[Gate, ...],
    BeforeValidator(_read_gates),
    PlainSerializer(lambda gates: [gate.model_dump(mode="json") for gate in gates] or "none"),
]
