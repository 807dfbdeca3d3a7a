"""A task folder read whole: task.yaml and schema.pbtxt, checked against each other.

schema.pbtxt is a TensorFlow Metadata schema: what the columns look like. A head's classes, or tags, are the
`string_domain` of its label column, in that order.

A tf.Example cannot tell an empty list from an absent column, so a row without any tag holds one empty text, and the
schema that the pipeline works with allows it in the columns of multilabel heads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from tensorflow_metadata.proto.v0 import schema_pb2

from schema.applications import BUILT_IN_WEIGHTS
from schema.checks import check
from schema.columns import SCHEMA_FILE, class_names, columns, domain, read_schema
from schema.document import read_document
from schema.drift import Watched, watched, without_comparators
from schema.errors import UserError
from schema.features import ApplicationEncoder, ImageFeature
from schema.heads import MultilabelHead
from schema.names import NO_TAG
from schema.problems import TaskError, nearest
from schema.task import TaskSpec, parse_task

TASK_FILE = "task.yaml"
SHIPPED = Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Contract:
    """A task whose files agree.

    Attributes:
        folder: The task's folder.
        task: What to do; weights files by absolute path.
        schema: What the examples look like: schema.pbtxt, with NO_TAG in the domains of multilabel heads, and without
            thresholds of drift.
        classes: Class names of every head, in the order of its scores.
        watched: Columns whose drift is measured, and the thresholds of schema.pbtxt.
    """

    folder: Path
    task: TaskSpec
    schema: schema_pb2.Schema
    classes: Mapping[str, tuple[str, ...]]
    watched: tuple[Watched, ...]


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
    problems += check(document, schema, schema_file)
    if task is None or problems:
        raise TaskError(problems)
    classes = {head: class_names(schema, head) for head in task.heads}
    return Contract(
        folder,
        _with_weights_files(task, folder),
        without_comparators(_with_no_tag(schema, task)),
        classes,
        watched(task.features, task.heads, schema),
    )


def _with_no_tag(schema: schema_pb2.Schema, task: TaskSpec) -> schema_pb2.Schema:
    """Returns the schema with NO_TAG in the multilabel heads' own domains; a shared domain stays as it is."""
    effective = schema_pb2.Schema()
    effective.CopyFrom(schema)
    for name, head in task.heads.items():
        if isinstance(head, MultilabelHead):
            tags = schema_pb2.StringDomain(value=[*domain(schema, name), NO_TAG])
            columns(effective)[name].string_domain.CopyFrom(tags)
    return effective


def _with_weights_files(task: TaskSpec, folder: Path) -> TaskSpec:
    """Returns the task with the absolute paths of weights files."""
    features = dict(task.features)
    for name, feature in features.items():
        if isinstance(feature, ImageFeature) and isinstance(feature.encoder, ApplicationEncoder):
            weights = feature.encoder.weights
            if weights not in BUILT_IN_WEIGHTS:
                encoder = feature.encoder.model_copy(update={"weights": str((folder / weights).resolve())})
                features[name] = feature.model_copy(update={"encoder": encoder})
    return task.model_copy(update={"features": features})
