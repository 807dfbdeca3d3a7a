"""What is read, kept and written, known before anything is computed: every mistake of a whole file comes out here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.example_gen import columns, source
from components.example_gen.layout import Layout
from components.example_gen.places import Place, place
from components.exported import Exported
from pipeline.predict import answers, rows
from pipeline.predict.model import check_task
from schema.columns import columns as declared_columns
from schema.contract import Contract
from schema.errors import DataError
from schema.problems import nearest

# Of the side file: where a rejected row stands, and why it was rejected.
FILE, ROW, REASON = "rejected.file", "rejected.row", "rejected.reason"
ARROW_TYPES = {"INT": pa.int64(), "FLOAT": pa.float32(), "BYTES": pa.binary()}


@dataclasses.dataclass(frozen=True)
class Plan:
    """How rows become predictions.

    Attributes:
        model: Folder of the SavedModel.
        exported: What it says of itself.
        shards: Of the data, in order.
        types: INT, FLOAT or BYTES by feature.
        images: `bytes` or `path` by image feature.
        is_text: Whether columns come as texts, whatever they hold: CSV.
        predictions: Columns of the predictions: those kept, then the answers.
        rejected: Columns of the side file.
    """

    model: Path
    exported: Exported
    shards: tuple[source.Shard, ...]
    types: Mapping[str, str]
    images: Mapping[str, str]
    is_text: bool
    predictions: pa.Schema
    rejected: pa.Schema

    @property
    def kept(self) -> list[pa.Field]:
        """Columns of the input that go into the output."""
        return list(self.predictions)[: -len(answers.fields(self.exported.heads))]

    @property
    def read_columns(self) -> set[str]:
        """Columns of the input that are needed."""
        return {*self.types, *(field.name for field in self.kept)}


def make_plan(contract: Contract, data: Place, model: Path, exported: Exported, keep: Sequence[str]) -> Plan:
    """Returns how the rows of a file or folder become predictions.

    Args:
        contract: The task.
        data: File or folder of rows.
        model: Folder of the SavedModel.
        exported: What it says of itself.
        keep: Columns of the input to keep; every column but images if empty.

    Raises:
        DataError: The model is of another task; a column that it needs is missing or of another type; a column to keep
            is not there, has the name of one of the output, or is of several types.
    """
    task, file_format = contract.task, contract.task.data.format
    check_task(model, exported, task.task)
    layout = Layout.of(contract)
    # A model is asked in the way it was trained, also when the task has moved on since.
    types = {name: feature.dtype for name, feature in exported.features.items()}
    images = {
        name: layout.images.get(name, "bytes") for name, feature in exported.features.items() if feature.type == "image"
    }
    if not types:  # Too old a model to say.
        types, images = {name: layout.types[name] for name in task.features}, dict(layout.images)
    shards = tuple(source.find_shards(source.find_files(data, file_format), file_format))
    found = {file: rows.columns_of(place(file), file_format) for file in dict.fromkeys(shard.file for shard in shards)}
    for file, schema in found.items():
        _check_features(file, schema, types, _may_be_absent(contract))
        if file_format == "parquet":
            _check_types(file, schema, types)
    kept = _kept(found, keep, images)
    predictions = [*kept, *answers.fields(exported.heads)]
    rejected = [pa.field(FILE, pa.string()), pa.field(ROW, pa.int64()), pa.field(REASON, pa.string()), *kept]
    for output in (predictions, rejected):
        _check_names(output)
    described = {"task": task.task, "model": str(model.resolve())}
    metadata = {"multihead": json.dumps(described)}
    return Plan(
        model,
        exported,
        shards,
        types,
        images,
        file_format == "csv",
        pa.schema(predictions, metadata),
        pa.schema(rejected, metadata),
    )


def _may_be_absent(contract: Contract) -> set[str]:
    """Returns the columns that schema.pbtxt does not ask for."""
    declared = declared_columns(contract.schema)
    return {
        name
        for name, column in declared.items()
        if column.presence.min_count == 0 and column.presence.min_fraction == 0
    }


def _check_features(file: str, schema: pa.Schema, types: Mapping[str, str], may_be_absent: set[str]) -> None:
    missing = [name for name in types if name not in schema.names]
    if needed := [name for name in missing if name not in may_be_absent]:
        listed = ", ".join(f"'{name}'" for name in needed)
        near = nearest(needed[0], schema.names)
        hint = f"; did you mean '{near}' by '{needed[0]}'?" if near else ""
        raise DataError(f"{file}: no column {listed}, which the model needs; there are: {_listed(schema.names)}{hint}")
    if len(missing) == len(types):
        raise DataError(f"{file}: none of the model's columns is there; it reads: {_listed(types)}")


def _check_types(file: str, schema: pa.Schema, types: Mapping[str, str]) -> None:
    """Converts no rows: the result has the type that some would have had."""
    empty = [pa.array([], field.type) for field in schema]
    features = columns.to_features(pa.RecordBatch.from_arrays(empty, names=schema.names), types, file)
    for feature in features.schema:
        if feature.type.value_type != ARROW_TYPES[types[feature.name]]:
            raise DataError(
                f"{file}: column '{feature.name}' is of type {schema.field(feature.name).type}, "
                f"and the model was trained with {types[feature.name]}"
            )


def _kept(found: Mapping[str, pa.Schema], keep: Sequence[str], images: Mapping[str, str]) -> list[pa.Field]:
    """Returns the columns to keep, of one type over all files; those of a CSV file are texts.

    Guessed types would differ from one CSV file to the next.
    """
    there = dict.fromkeys(name for schema in found.values() for name in schema.names)
    for name in keep:
        if name not in there:
            near = nearest(name, there)
            hint = f"; did you mean '{near}'?" if near else ""
            raise DataError(f"--keep {name}: no such column in the data; there are: {_listed(there)}{hint}")
    names = dict.fromkeys(keep) or [name for name in there if name not in images]
    kept = []
    for name in names:
        common = pa.null()
        for file, schema in found.items():
            if name in schema.names:
                common = _common(common, _plain(schema.field(name).type), name, file)
        kept.append(pa.field(name, common))
    return kept


def _plain(kind: pa.DataType) -> pa.DataType:
    """Returns the type of the values of a dictionary: each file has a dictionary of its own."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _common(one: pa.DataType, other: pa.DataType, name: str, file: str) -> pa.DataType:
    """Returns a type that holds the values of both: pandas turns integers into floats where values are missing."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in (one, other)):
        return pa.from_numpy_dtype(np.promote_types(one.to_pandas_dtype(), other.to_pandas_dtype()))
    if all(pa.types.is_string(kind) or pa.types.is_large_string(kind) for kind in (one, other)):
        return pa.large_string()
    raise DataError(
        f"{file}: column '{name}' is of type {other}, in an earlier file of type {one}; leave it out with --keep"
    )


def _check_names(output: Sequence[pa.Field]) -> None:
    names = [field.name for field in output]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"column '{repeated}' of the data has a name of the output; leave it out with --keep")


def _listed(names: Sequence[str] | Mapping[str, object]) -> str:
    return ", ".join(names)
