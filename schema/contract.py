"""A task folder read whole: task.yaml and schema.pbtxt, checked against each other.

schema.pbtxt is a TensorFlow Metadata schema: what the columns look like. A head's classes are the `string_domain` of
its label column, in that order.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schema.document import Document, read_document
from schema.errors import UserError
from schema.names import SERVING_ENVIRONMENT, derived
from schema.problems import KeyPath, Problem, TaskError, nearest
from schema.task import TaskSpec, parse_task

TASK_FILE = "task.yaml"
SCHEMA_FILE = "schema.pbtxt"
SHIPPED = Path(__file__).parent

_TYPE_NAMES = {schema_pb2.INT: "INT", schema_pb2.FLOAT: "FLOAT", schema_pb2.BYTES: "BYTES"}
_COLUMN_TYPES = {"numeric": ("INT", "FLOAT"), "categorical": ("BYTES", "INT")}


@dataclasses.dataclass(frozen=True)
class Contract:
    """A task whose files agree.

    Attributes:
        folder: The task's folder.
        task: What to do.
        schema: What the data looks like.
        classes: Class names of every head, in the order of its scores.
    """

    folder: Path
    task: TaskSpec
    schema: schema_pb2.Schema
    classes: Mapping[str, tuple[str, ...]]

    @property
    def schema_file(self) -> Path:
        """schema.pbtxt of the task."""
        return self.folder / SCHEMA_FILE


def find_task(task: str) -> Path:
    """Returns the folder of a task given as a folder or as the name of one that is shipped.

    Raises:
        UserError: There is no such folder, or it holds no task.yaml.
    """
    for folder in (Path(task), SHIPPED / task):
        if (folder / TASK_FILE).is_file():
            return folder
    shipped = sorted(file.parent.name for file in SHIPPED.glob(f"*/{TASK_FILE}"))
    if Path(task).is_dir():
        raise UserError(f"{task}: this folder has no {TASK_FILE}")
    near = nearest(task, shipped)
    raise UserError(
        f"{task}: no such task; give a folder with {TASK_FILE}, or one of: {', '.join(shipped)}"
        + (f"; did you mean '{near}'?" if near else "")
    )


def load_contract(folder: Path, overrides: Iterable[str] = ()) -> Contract:
    """Reads and checks a task folder.

    Args:
        folder: Holds task.yaml and schema.pbtxt.
        overrides: `key=value` strings on top of task.yaml.

    Raises:
        TaskError: With every problem found in either file and between them.
    """
    document = read_document(folder / TASK_FILE, overrides)
    task, problems = parse_task(document)
    schema_file = folder / SCHEMA_FILE
    try:
        schema = read_schema(schema_file)
    except TaskError as error:
        raise TaskError([*problems, *error.problems]) from None
    problems += _schema_checks(schema, schema_file)
    problems += _feature_checks(document, schema, schema_file)
    problems += _label_checks(document, schema, schema_file)
    problems += _column_checks(document, schema)
    problems += _name_checks(document, schema, schema_file)
    if task is None or problems:
        raise TaskError(problems)
    return Contract(folder, task, schema, {head: class_names(schema, head) for head in task.heads})


def read_schema(file: Path) -> schema_pb2.Schema:
    """Reads schema.pbtxt.

    Raises:
        TaskError: The file is missing or not a text-format Schema.
    """
    try:
        return text_format.Parse(file.read_text(encoding="utf-8"), schema_pb2.Schema())
    except OSError as error:
        raise TaskError([Problem(str(file), "", f"cannot be read: {error.strerror}")]) from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        found = re.match(r"(\d+):\d+ : (.*)", str(error), re.DOTALL)
        where, message = (f"{file}:{found[1]}", found[2]) if found else (str(file), str(error))
        raise TaskError([Problem(where, "", f"not a TensorFlow Metadata schema: {message}")]) from None


def columns(schema: schema_pb2.Schema) -> dict[str, schema_pb2.Feature]:
    """Returns the columns of a schema by name."""
    return {feature.name: feature for feature in schema.feature}


def column_type(column: schema_pb2.Feature) -> str:
    """Returns INT, FLOAT or BYTES, or an empty string if the schema does not say."""
    return _TYPE_NAMES.get(column.type, "")


def class_names(schema: schema_pb2.Schema, column: str) -> tuple[str, ...]:
    """Returns the string domain of a column, its own or a shared one of the schema; empty if it has none."""
    feature = columns(schema).get(column)
    if feature is None:
        return ()
    if feature.WhichOneof("domain_info") == "domain":
        return next((tuple(shared.value) for shared in schema.string_domain if shared.name == feature.domain), ())
    return tuple(feature.string_domain.value)


def _schema_checks(schema: schema_pb2.Schema, file: Path) -> Iterable[Problem]:
    for name, count in Counter(feature.name for feature in schema.feature).items():
        if count > 1:
            yield Problem(str(file), name, f"is declared {count} times")
    for feature in schema.feature:
        if feature.HasField("shape") or feature.value_count.max > 1:
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


def _label_checks(document: Document, schema: schema_pb2.Schema, file: Path) -> Iterable[Problem]:
    declared = columns(schema)
    for name in document.section("heads"):
        path = ("heads", name)
        if name not in declared:
            yield document.problem(path, f"'{name}' is not a column of {file}", declared, name)
            continue
        classes = class_names(schema, name)
        if column_type(declared[name]) != "BYTES" or len(classes) < 2:
            yield Problem(
                str(file),
                name,
                f"a label must be BYTES with a string_domain of two or more classes, got {len(classes)}",
            )
        if "" in classes:
            yield Problem(str(file), name, "a class needs a name: an empty one is how a missing label looks")
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


def _column_checks(document: Document, schema: schema_pb2.Schema) -> Iterable[Problem]:
    """Checks every other place that names a column: slices, gates on slices, split columns."""
    declared = columns(schema)
    mentioned: list[tuple[KeyPath, str]] = []
    slices = document.data.get("slices")
    for i, keys in enumerate(slices if isinstance(slices, list) else []):
        for j, name in enumerate(keys if isinstance(keys, list) else []):
            mentioned.append((("slices", i, j), name))
    split = document.section("data", "split")
    mentioned += [(("data", "split", "column"), split["column"])] if isinstance(split.get("column"), str) else []
    keys = split.get("key")
    mentioned += [(("data", "split", "key", i), name) for i, name in enumerate(keys if isinstance(keys, list) else [])]
    for head, gates in document.section("gates").items():
        for i, gate in enumerate(gates if isinstance(gates, list) else []):
            wanted = gate.get("slice") if isinstance(gate, dict) else None
            for name, value in (wanted if isinstance(wanted, dict) else {}).items():
                path: KeyPath = ("gates", head, i, "slice", name)
                mentioned.append((path, name))
                domain = class_names(schema, name)
                if domain and value not in domain:
                    yield document.problem(path, f"'{value}' is not a value of '{name}'", domain, value)
    for path, name in mentioned:
        if isinstance(name, str) and name not in declared:
            yield document.problem(path, f"'{name}' is not a column of {SCHEMA_FILE}", declared, name)


def _name_checks(document: Document, schema: schema_pb2.Schema, file: Path) -> Iterable[Problem]:
    """Checks the columns that task.yaml does not name; `schema.task` checks those that it does."""
    features, heads = document.section("features"), document.section("heads")
    others = columns(schema).keys() - features.keys() - heads.keys()
    for name, origin in derived(features, heads):
        if name in others:
            yield Problem(str(file), name, f"is the name that '{origin}' gets after Transform: rename it")
