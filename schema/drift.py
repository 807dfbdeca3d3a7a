"""`drift` of task.yaml: whether the newest span is still like the spans before it, and what counts as unlike.

How far a column may move stands in schema.pbtxt, where TensorFlow Data Validation has it, too: `skew_comparator` bounds
the distance to what the model learns from, `drift_comparator` that to the span before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from tensorflow_metadata.proto.v0 import schema_pb2

from schema.columns import SCHEMA_FILE, column_type, columns
from schema.document import Document
from schema.problems import Problem

Mode = Literal["stop", "warn", "off"]
WINDOW, PREVIOUS = "window", "previous"
COMPARATORS = {WINDOW: "skew_comparator", PREVIOUS: "drift_comparator"}
Kind = Literal["category", "number", "length"]

# Of categories: the largest difference of a value's share of the rows. A tenth of all rows is what people would ask
# about; rarer values cannot reach it, and are watched as new values and by the slices of the gates.
L_INFINITY = "infinity_norm"
MAX_L_INFINITY = 0.1
# Of numbers, in bits, from 0 to 1 (Lin 1991). A normal distribution reaches 0.1 when it moves by three quarters of its
# standard deviation.
JENSEN_SHANNON = "jensen_shannon_divergence"
MAX_JENSEN_SHANNON = 0.1

MEASURES: Mapping[Kind, str] = {"category": L_INFINITY, "number": JENSEN_SHANNON, "length": JENSEN_SHANNON}
DEFAULTS = {L_INFINITY: MAX_L_INFINITY, JENSEN_SHANNON: MAX_JENSEN_SHANNON}
# Of a feature, by its type; every label is a category.
_KINDS: Mapping[str, Kind] = {"numeric": "number", "categorical": "category", "text": "length", "image": "length"}


@dataclasses.dataclass(frozen=True)
class Watched:
    """A column whose drift is measured.

    Attributes:
        name: Of the column.
        kind: What is compared: values as categories, numbers, or how many bytes long texts and images are.
        is_label: Whether it is a head's.
        stated: Thresholds of schema.pbtxt by what they compare with; where there is none, DEFAULTS hold.
    """

    name: str
    kind: Kind
    is_label: bool
    stated: Mapping[str, float]

    @property
    def measure(self) -> str:
        """How its distance is measured, as schema.pbtxt calls it."""
        return MEASURES[self.kind]

    def threshold(self, against: str) -> float:
        """Returns how far it may move."""
        return self.stated.get(against, DEFAULTS[self.measure])


def watched(features: Mapping[str, Any], heads: Iterable[str], schema: schema_pb2.Schema) -> tuple[Watched, ...]:
    """Returns features, labels, and what other columns schema.pbtxt states thresholds for.

    Args:
        features: Features of the task, which have a `type`.
        heads: Their label columns.
        schema: schema.pbtxt as it is written.
    """
    declared = columns(schema)
    kinds: dict[str, Kind] = {name: _KINDS[feature.type] for name, feature in features.items()}
    labels = dict.fromkeys(heads)
    others = [name for name, column in declared.items() if _has_comparator(column)]
    return tuple(
        Watched(
            name,
            kinds.get(name) or ("category" if name in labels else _kind_of_other(declared[name])),
            name in labels,
            _stated(declared[name]),
        )
        for name in dict.fromkeys([*kinds, *labels, *others])
    )


def without_comparators(schema: schema_pb2.Schema) -> schema_pb2.Schema:
    """Returns the schema without thresholds of drift: they say nothing of a row, and train nothing anew."""
    bare = schema_pb2.Schema()
    bare.CopyFrom(schema)
    for feature in bare.feature:
        for comparator in COMPARATORS.values():
            feature.ClearField(comparator)
    return bare


def checks(document: Document) -> Iterator[Problem]:
    """Yields a `drift` that needs spans where there are none; works on plain data."""
    mode = document.data.get("drift")
    if mode in ("stop", "warn") and document.section("data").get("spans") is None:
        message = "compares spans, and there are none: say `data.spans`, such as date={YYYY}-{MM}-{DD}, or leave it out"
        yield document.problem(("drift",), message)


def schema_checks(document: Document, schema: schema_pb2.Schema, file: Path) -> Iterator[Problem]:
    """Yields thresholds of schema.pbtxt that do not fit their column.

    Args:
        document: task.yaml.
        schema: schema.pbtxt.
        file: Its path.
    """
    for feature in filter(_has_comparator, schema.feature):
        kind = _KINDS.get(str(document.section("features", feature.name).get("type")))
        if kind is None:
            kind = "category" if feature.name in document.section("heads") else _kind_of_other(feature)
        for comparator in COMPARATORS.values():
            for field, measure in getattr(feature, comparator).ListFields():
                where = f"{feature.name}.{comparator}"
                if field.name != MEASURES[kind]:
                    what = {"category": "categories", "number": "numbers", "length": "lengths"}[kind]
                    yield Problem(str(file), where, f"{field.name} is not how {what} are compared", (MEASURES[kind],))
                elif not 0 <= measure.threshold <= 1:
                    message = f"{field.name} is from 0 to 1, got a threshold of {measure.threshold:g}"
                    yield Problem(str(file), where, message)


def where_stated(name: str, against: str) -> str:
    """Returns where the threshold of a column stands, or could stand."""
    return f"{COMPARATORS[against]} of '{name}' in {SCHEMA_FILE}"


def _has_comparator(column: schema_pb2.Feature) -> bool:
    return any(column.HasField(comparator) for comparator in COMPARATORS.values())


def _kind_of_other(column: schema_pb2.Feature) -> Kind:
    """Returns what is compared of a column that the task does not use."""
    return "number" if column_type(column) in ("INT", "FLOAT") else "category"


def _stated(column: schema_pb2.Feature) -> dict[str, float]:
    """Returns the thresholds of a column that has been checked, by what they compare with."""
    return {
        against: float(measure.threshold)
        for against, comparator in COMPARATORS.items()
        for _, measure in getattr(column, comparator).ListFields()
    }
