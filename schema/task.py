"""What a task is: features, one trunk, several heads, how to train them and when a model is good enough.

Every key of task.yaml is a field here. Models are frozen and refuse unknown keys; what needs more than one field, or
schema.pbtxt, is checked in `schema.contract`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)

from schema import names
from schema.document import Document, read_document
from schema.problems import Problem, TaskError
from schema.validation import problems_of

# Names become Keras layers, TensorFlow tensors and TFMA outputs, which all take this.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
TaskName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
Metric = Literal["accuracy", "balanced_accuracy", "auc", "macro_f1", "log_loss", "ece"]
METRICS: tuple[str, ...] = get_args(Metric)


def _read_slice_value(value: Any) -> Any:
    is_finite = not isinstance(value, float) or math.isfinite(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not is_finite:
        raise ValueError("must be a text or a number")
    return value


# Checked first: a union says once per member what is wrong.
SliceValue = Annotated[str | int | float, BeforeValidator(_read_slice_value)]


def _by_type(default: str) -> Discriminator:
    """Tells parts apart by their `type`; where the default is meant it need not be said."""

    def type(value: Any) -> str:  # pydantic's errors call the discriminator by this name.
        return str(value.get("type", default) if isinstance(value, dict) else getattr(value, "type", default))

    return Discriminator(type)


Dropout = Annotated[float, Field(ge=0, lt=1)]


class Part(BaseModel):
    """Base of every part of a task: immutable, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Ratios(Part):
    """Shares of the rows per split, such as 8 : 1 : 1."""

    train: PositiveInt = 8
    eval: PositiveInt = 1
    test: PositiveInt = 1


class HashSplit(Part):
    """Rows go to a split by a hash of their content, or of the `key` columns so that equal keys stay together."""

    by: Literal["hash"]
    ratios: Ratios = Ratios()
    key: tuple[str, ...] = ()


class ColumnSplit(Part):
    """Rows go to the split that a column names: `train`, `eval` or `test`."""

    by: Literal["column"]
    column: str


class Data(Part):
    """Where rows come from and how they are split."""

    format: Literal["parquet", "csv"] = "parquet"
    split: Annotated[HashSplit | ColumnSplit, Field(discriminator="by")] = HashSplit(by="hash")


class NumericFeature(Part):
    """A number per row; a missing one becomes 0 after scaling, which is the mean for `zscore`."""

    type: Literal["numeric"]
    scaling: Literal["zscore", "minmax", "none"] = "zscore"
    missing_indicator: bool = True


class CategoricalFeature(Part):
    """A string or integer per row, embedded; missing has an id of its own, rare and unknown values share `oov` ids."""

    type: Literal["categorical"]
    vocabulary: PositiveInt = 1000
    oov: PositiveInt = 1
    embedding: PositiveInt = 8


Feature = Annotated[NumericFeature | CategoricalFeature, Field(discriminator="type")]


class SharedTrunk(Part):
    """Dense layers that every head shares."""

    type: Literal["shared"] = "shared"
    units: tuple[PositiveInt, ...] = (128, 64)
    dropout: Dropout = 0.1


class IndependentTrunk(Part):
    """Encoders and dense layers of its own for every head: one model per head in all but name, to compare with."""

    type: Literal["independent"] = "independent"
    units: tuple[PositiveInt, ...] = (128, 64)
    dropout: Dropout = 0.1


class MmoeTrunk(Part):
    """Multi-gate mixture of experts (Ma 2018): every head mixes the same `experts` by a gate of its own."""

    type: Literal["mmoe"] = "mmoe"
    experts: PositiveInt = 4
    units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (128, 64)
    dropout: Dropout = 0.1


class PleTrunk(Part):
    """Progressive layered extraction (Tang 2020): per level, experts shared by all heads and experts of each head."""

    type: Literal["ple"] = "ple"
    shared_experts: PositiveInt = 2
    own_experts: PositiveInt = 1
    units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (128, 64)
    dropout: Dropout = 0.1


Trunk = Annotated[
    Annotated[SharedTrunk, Tag("shared")]
    | Annotated[IndependentTrunk, Tag("independent")]
    | Annotated[MmoeTrunk, Tag("mmoe")]
    | Annotated[PleTrunk, Tag("ple")],
    _by_type("shared"),
]


ClassWeights = Annotated[
    Annotated[Literal["none", "balanced", "effective_number"], Tag("rule")]
    | Annotated[dict[str, PositiveFloat], Tag("by_name")],
    Discriminator(lambda value: "by_name" if isinstance(value, dict) else "rule"),
]


class CrossEntropy(Part):
    """Cross-entropy over labelled rows, times `weight` in the sum over heads."""

    type: Literal["cross_entropy"] = "cross_entropy"
    weight: PositiveFloat = 1.0
    class_weights: ClassWeights = "none"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Focal(Part):
    """Cross-entropy times (1 - p)^gamma: rows that are right already count less (Lin 2017)."""

    type: Literal["focal"] = "focal"
    weight: PositiveFloat = 1.0
    class_weights: ClassWeights = "none"
    gamma: Annotated[float, Field(ge=0)] = 2.0


class LogitAdjusted(Part):
    """Cross-entropy of logits plus tau log prior, which asks for equal care for rare classes (Menon 2021)."""

    type: Literal["logit_adjusted"] = "logit_adjusted"
    weight: PositiveFloat = 1.0
    class_weights: ClassWeights = "none"
    tau: PositiveFloat = 1.0


Loss = Annotated[
    Annotated[CrossEntropy, Tag("cross_entropy")]
    | Annotated[Focal, Tag("focal")]
    | Annotated[LogitAdjusted, Tag("logit_adjusted")],
    _by_type("cross_entropy"),
]


class MulticlassHead(Part):
    """One class out of several; the classes are the label column's string_domain, in that order."""

    type: Literal["multiclass"]
    loss: Loss = CrossEntropy()
    units: tuple[PositiveInt, ...] = (32,)
    depends_on: tuple[str, ...] = ()


class EarlyStopping(Part):
    """Stops when the loss on `eval` has not improved for `patience` epochs; the best weights are kept."""

    patience: PositiveInt = 3


class FixedBalancing(Part):
    """sum_i w_i L_i / H_i, where H_i is the entropy of head i's classes in the training rows."""

    type: Literal["fixed"] = "fixed"


class Training(Part):
    """How the model is fitted."""

    epochs: PositiveInt = 20
    batch_size: PositiveInt = 1024
    learning_rate: PositiveFloat = 1e-3
    early_stopping: EarlyStopping | None = EarlyStopping()
    balancing: FixedBalancing = FixedBalancing()
    seed: Annotated[int, Field(ge=0)] = 0


class Gate(Part):
    """A bound that a metric must keep on `test`, overall or on one slice, before a model is pushed.

    `max_drop` is how much worse than the last blessed model, on the same rows, a metric may be.
    """

    metric: Metric
    min: float | None = None
    max: float | None = None
    max_drop: Annotated[float, Field(ge=0)] | None = None
    slice: dict[str, SliceValue] = {}

    @model_validator(mode="after")
    def _has_a_bound(self) -> Gate:
        if self.min is None and self.max is None and self.max_drop is None:
            raise ValueError("a gate needs `min`, `max` or `max_drop`")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}: nothing could pass")
        return self


def _read_gates(value: Any) -> Any:
    if value == "none":
        return ()
    if not isinstance(value, list) or not value:
        raise ValueError("must be `none` or a list of gates such as [{metric: auc, min: 0.7}]")
    return tuple(value)


HeadGates = Annotated[
    tuple[Gate, ...],
    BeforeValidator(_read_gates),
    PlainSerializer(lambda gates: [gate.model_dump(mode="json") for gate in gates] or "none"),
]


class TaskSpec(Part):
    """One task.yaml."""

    task: TaskName
    data: Data = Data()
    features: Annotated[dict[Name, Feature], Field(min_length=1)]
    trunk: Trunk = SharedTrunk()
    heads: Annotated[dict[Name, MulticlassHead], Field(min_length=1)]
    training: Training = Training()
    slices: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] = ()
    gates: dict[str, HeadGates]

    def to_json(self) -> str:
        """Returns a JSON form that `from_json` reads; equal tasks give equal text."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> TaskSpec:
        """Reads what `to_json` wrote."""
        return cls.model_validate_json(text)


def load_task(file: Path, overrides: Iterable[str] = ()) -> TaskSpec:
    """Reads task.yaml alone, without the checks that need schema.pbtxt (`schema.contract.load_contract` has both).

    Raises:
        TaskError: With every problem found.
    """
    document = read_document(file, overrides)
    spec, problems = parse_task(document)
    if spec is None or problems:
        raise TaskError(problems)
    return spec


def parse_task(document: Document) -> tuple[TaskSpec | None, list[Problem]]:
    """Returns the task, if its parts are well formed, and every problem found in them and between them."""
    problems = [*document.problems, *_cross_checks(document)]
    try:
        # In JSON mode `strict` takes lists for tuples, and still refuses "3" for 3.
        spec = TaskSpec.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        return None, [*problems_of(error, TaskSpec, document), *problems]
    return spec, problems


def _cross_checks(document: Document) -> Iterable[Problem]:
    """Yields what is wrong between the keys of task.yaml; works on plain data, so that one error hides no other."""
    features, heads, gates = (document.section(key) for key in ("features", "heads", "gates"))
    for name in heads:
        if name in features:
            yield document.problem(("features", name), "is a head: a label cannot be a feature")
        if name not in gates:
            yield document.problem(
                ("gates", name), f"missing: head '{name}' needs a list of gates, or `{name}: none` to go without"
            )
    for name in gates:
        if name not in heads:
            yield document.problem(("gates", name), f"'{name}' is not a head", heads, name)
    needed = {name: document.section("heads", name).get("depends_on") for name in heads}
    dependencies = {name: value if isinstance(value, list) else [] for name, value in needed.items()}
    for name, others in dependencies.items():
        for i, other in enumerate(others):
            if other in others[:i]:
                path = ("heads", name, "depends_on", i)
                yield document.problem(path, f"'{other}' stands twice")
            if isinstance(other, str) and other not in heads:
                path = ("heads", name, "depends_on", i)
                yield document.problem(path, f"'{other}' is not a head", [h for h in heads if h != name], other)
    if cycle := _cycle(dependencies):
        yield document.problem(("heads", cycle[0], "depends_on"), f"heads wait for each other: {' -> '.join(cycle)}")
    raw = {*features, *heads}
    for derived, origin in names.derived(features, heads):
        if derived in raw:
            section = "features" if derived in features else "heads"
            yield document.problem((section, derived), f"is the name that '{origin}' gets after Transform: rename it")


def _cycle(edges: dict[str, list[Any]]) -> list[str]:
    """Returns the first cycle as a path that ends where it began, or nothing."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        done.add(node)
        known = [other for other in edges.get(node, []) if isinstance(other, str)]
        return next((found for other in known if (found := visit(other, [*path, node]))), [])

    return next((found for node in edges if (found := visit(node, []))), [])
