"""What task.yaml and schema.pbtxt must agree on; each check works on plain data, so that one error hides no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from schema import drift, gate_checks
from schema.applications import BUILT_IN_WEIGHTS
from schema.columns import SCHEMA_FILE, column_type, columns, domain
from schema.document import Document
from schema.names import NO_TAG, SERVING_ENVIRONMENT, derived
from schema.problems import KeyPath, Problem

_COLUMN_TYPES = {
    "numeric": ("INT", "FLOAT"),
    "categorical": ("BYTES", "INT"),
    "text": ("BYTES",),
    "image": ("BYTES",),
}
# What a threshold can be chosen for: the first two are of one class against another.
_TWO_CLASS_METRICS, _MULTICLASS_METRICS = ("f1", "macro_f1"), ("accuracy", "balanced_accuracy")


def check(document: Document, schema: schema_pb2.Schema, file: Path) -> Iterable[Problem]:
    """Yields every problem of a task's two files.

    Args:
        document: task.yaml.
        schema: schema.pbtxt.
        file: Its path.
    """
    yield from _schema_checks(document, schema, file)
    yield from _feature_checks(document, schema, file)
    yield from _image_checks(document, file.parent)
    yield from _label_checks(document, schema, file)
    yield from _column_checks(document, schema)
    yield from gate_checks.value_checks(document, schema)
    yield from _name_checks(document, schema, file)
    yield from drift.schema_checks(document, schema, file)


def _multilabel(document: Document) -> set[str]:
    """Returns the heads whose columns hold lists."""
    return {name for name in document.section("heads") if document.section("heads", name).get("type") == "multilabel"}


def _schema_checks(document: Document, schema: schema_pb2.Schema, file: Path) -> Iterable[Problem]:
    multilabel = _multilabel(document)
    for name, count in Counter(feature.name for feature in schema.feature).items():
        if count > 1:
            yield Problem(str(file), name, f"is declared {count} times")
    for feature in schema.feature:
        if feature.name in multilabel:
            if feature.HasField("shape"):
                yield Problem(str(file), feature.name, "lists of tags have no one length: leave shape out")
        elif feature.HasField("shape") or feature.value_count.max > 1:
            message = "only one value per row, which may be missing, is supported: write value_count { min: 1 max: 1 }"
            yield Problem(
                str(file), feature.name, message + (" in place of shape" if feature.HasField("shape") else "")
            )
    if SERVING_ENVIRONMENT not in schema.default_environment:
        yield Problem(
            str(file),
            "default_environment",
            f'must list "{SERVING_ENVIRONMENT}", from which labels are left out: add the line '
            f'default_environment: "{SERVING_ENVIRONMENT}"',
        )


def _feature_checks(document: Document, schema: schema_pb2.Schema, file: Path) -> Iterable[Problem]:
    declared = columns(schema)
    for name in document.section("features"):
        path = ("features", name)
        if name not in declared:
            yield document.problem(path, f"'{name}' is not a column of {file}", declared, name)
            continue
        column = declared[name]
        expected = _COLUMN_TYPES.get(str(document.section(*path).get("type")))
        if expected and column_type(column) not in expected:
            got = column_type(column) or "no type"
            yield document.problem((*path, "type"), f"the column is {got} in {file}, expected {' or '.join(expected)}")
        if SERVING_ENVIRONMENT in column.not_in_environment:
            yield document.problem(path, f"is kept from {SERVING_ENVIRONMENT} in {file}: no request will bring it")


def _image_checks(document: Document, folder: Path) -> Iterable[Problem]:
    """Checks what images need beside their column: a format that can hold them, and weights files."""
    for name in document.section("features"):
        feature = document.section("features", name)
        if feature.get("type") != "image":
            continue
        if document.section("data").get("format") == "csv" and feature.get("source", "bytes") == "bytes":
            message = "bytes cannot stand in a CSV file (data.format): write paths into the column and `source: path`"
            yield document.problem(("features", name, "source"), message, ("path",))
        weights = document.section("features", name, "encoder").get("weights")
        if isinstance(weights, str) and weights not in BUILT_IN_WEIGHTS and not (folder / weights).is_file():
            message = f"there is no weights file {folder / weights}"
            allowed = (*BUILT_IN_WEIGHTS, f"a file, relative to {folder}")
            yield document.problem(("features", name, "encoder", "weights"), message, allowed, weights)


def _label_checks(document: Document, schema: schema_pb2.Schema, file: Path) -> Iterable[Problem]:
    declared, multilabel = columns(schema), _multilabel(document)
    for name in document.section("heads"):
        path = ("heads", name)
        if name not in declared:
            yield document.problem(path, f"'{name}' is not a column of {file}", declared, name)
            continue
        classes, is_multilabel = domain(schema, name), name in multilabel
        least, what = (1, "one or more tags") if is_multilabel else (2, "two or more classes")
        if column_type(declared[name]) != "BYTES" or len(classes) < least:
            message = f"a label must be BYTES with a string_domain of {what}, got {len(classes)}"
            yield Problem(str(file), name, message)
        if NO_TAG in classes:
            looks = "a row without any tag" if is_multilabel else "a missing label"
            yield Problem(str(file), name, f"a class needs a name: an empty one is how {looks} looks")
        for repeated in (value for value, count in Counter(classes).items() if count > 1):
            yield Problem(str(file), name, f"class '{repeated}' stands twice in its string_domain")
        if SERVING_ENVIRONMENT not in declared[name].not_in_environment:
            yield Problem(
                str(file),
                name,
                f'a label is unknown when serving: add not_in_environment: "{SERVING_ENVIRONMENT}" to the column',
            )
        for given in document.section(*path, "loss", "class_weights"):
            if classes and given not in classes:
                where = (*path, "loss", "class_weights", given)
                yield document.problem(where, f"'{given}' is not a class of '{name}'", classes, given)
        metric = document.section(*path, "threshold").get("metric")
        if metric in _TWO_CLASS_METRICS and len(classes) > 2 and not is_multilabel:
            message = f"{metric} is for two classes or for tags, and '{name}' has {len(classes)} classes"
            yield document.problem((*path, "threshold", "metric"), message, _MULTICLASS_METRICS, metric)


def _column_checks(document: Document, schema: schema_pb2.Schema) -> Iterable[Problem]:
    """Checks every other place that names a column: slices, gates on slices, split columns."""
    declared = columns(schema)
    mentioned: list[tuple[KeyPath, Any]] = []
    slices = document.data.get("slices")
    for i, keys in enumerate(slices if isinstance(slices, list) else []):
        for j, name in enumerate(keys if isinstance(keys, list) else []):
            mentioned.append((("slices", i, j), name))
    split = document.section("data", "split")
    mentioned += [(("data", "split", "column"), split["column"])] if isinstance(split.get("column"), str) else []
    keys = split.get("key")
    mentioned += [(("data", "split", "key", i), name) for i, name in enumerate(keys if isinstance(keys, list) else [])]
    for path, wanted in gate_checks.slices(document):
        if isinstance(wanted, str):
            mentioned.append((path, wanted))
        elif isinstance(wanted, list):
            mentioned += [((*path, i), name) for i, name in enumerate(wanted)]
        elif isinstance(wanted, dict):
            mentioned += [((*path, name), name) for name in wanted]
    multilabel = _multilabel(document)
    for path, name in mentioned:
        if not isinstance(name, str):
            continue
        if name not in declared:
            yield document.problem(path, f"'{name}' is not a column of {SCHEMA_FILE}", declared, name)
        elif path[:2] == ("data", "split") and name in multilabel:
            yield document.problem(path, f"'{name}' holds a list per row: split by a column of single values")


def _name_checks(document: Document, schema: schema_pb2.Schema, file: Path) -> Iterable[Problem]:
    """Checks the columns that task.yaml does not name; `schema.task` checks those that it does."""
    features, heads = document.section("features"), document.section("heads")
    others = columns(schema).keys() - features.keys() - heads.keys()
    for name, origin in derived(features, heads):
        if name in others:
            yield Problem(str(file), name, f"is the name that '{origin}' gets after Transform: rename it")
