"""What is wrong with gates beyond their form; works on plain data, so that one error hides no other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from schema.columns import SCHEMA_FILE, column_type, columns, domain
from schema.document import Document
from schema.gates import JOINT, JOINT_METRICS, LARGEST, METRICS
from schema.problems import KeyPath, Problem


def checks(document: Document) -> Iterator[Problem]:
    """Yields gates on metrics that do not belong where they stand, and bounds that no metric can reach."""
    heads = document.section("heads")
    for path, gate in _gates(document):
        owner, metric = path[1], gate.get("metric")
        if owner == JOINT and metric in METRICS:
            message = f"{metric} is a metric of one head, not of all together"
            yield document.problem((*path, "metric"), message, JOINT_METRICS)
        elif owner in heads and metric in JOINT_METRICS:
            message = f"{metric} is over all heads together: put the gate under `gates.{JOINT}`"
            yield document.problem((*path, "metric"), message, METRICS)
        elif metric == "label_consistency" and len(heads) < 2:
            message = "label_consistency compares pairs of heads, and there is one head"
            yield document.problem((*path, "metric"), message)
        if isinstance(metric, str) and metric in LARGEST:
            yield from _bound_checks(document, path, gate, metric)


def value_checks(document: Document, schema: schema_pb2.Schema) -> Iterator[Problem]:
    """Yields values of slices that no row of the column can have."""
    declared = columns(schema)
    for path, name, value in _slice_values(document):
        values = domain(schema, name)
        # A number is looked for as it is written, and a string_domain holds texts.
        if values and value not in values and not (isinstance(value, int) and str(value) in values):
            yield document.problem(path, f"'{value}' is not a value of '{name}'", values, value)
        elif not values and name in declared and (message := _why_no_value(value, declared[name])):
            yield document.problem(path, message)


def slices(document: Document) -> Iterator[tuple[KeyPath, Any]]:
    """Yields the slice of every gate that has one, and where it stands."""
    for path, gate in _gates(document):
        if "slice" in gate:
            yield (*path, "slice"), gate["slice"]


def _slice_values(document: Document) -> Iterator[tuple[KeyPath, str, str | int | float]]:
    """Yields the place, column and value of every slice of one value that is well formed."""
    for path, wanted in slices(document):
        for name, value in wanted.items() if isinstance(wanted, dict) else ():
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                yield (*path, name), name, value


def _gates(document: Document) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    for owner, gates in document.section("gates").items():
        for i, gate in enumerate(gates if isinstance(gates, list) else []):
            if isinstance(gate, dict):
                yield ("gates", owner, i), gate


def _bound_checks(document: Document, path: KeyPath, gate: dict[str, Any], metric: str) -> Iterator[Problem]:
    largest = LARGEST[metric]
    for key in ("min", "max", "max_drop"):
        bound = gate.get(key)
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            continue
        # What is infinite, and a negative drop, are mistakes of form.
        if largest < bound < math.inf or (-math.inf < bound < 0 and key != "max_drop"):
            what = f"a drop of {metric}" if key == "max_drop" else metric
            yield document.problem((*path, key), f"{what} is from 0 to {largest:.5g}, got {bound}")


def _why_no_value(value: str | float, column: schema_pb2.Feature) -> str:
    """Returns why a column without a string_domain cannot have a value; empty if it can."""
    kind, everywhere = column_type(column), f"as every value of '{column.name}' is in {SCHEMA_FILE}"
    if kind == "FLOAT" and isinstance(value, str):
        return f"{value!r} is not a number, {everywhere}"
    if kind != "INT":
        return ""
    if isinstance(value, str) or (isinstance(value, float) and not value.is_integer()):
        return f"{value!r} is not an integer, {everywhere}"
    allowed = column.int_domain
    if allowed.HasField("min") and value < allowed.min:
        return f"{value} is below the least value of '{column.name}' in {SCHEMA_FILE}, {allowed.min}"
    if allowed.HasField("max") and value > allowed.max:
        return f"{value} is above the largest value of '{column.name}' in {SCHEMA_FILE}, {allowed.max}"
    return ""
