"""One piece of the data: rows in, predictions and rejected rows out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
from apache_beam.utils import shared

from components.example_gen.source import Shard
from components.servable import Servable
from pipeline.predict import answers, convert, rows
from pipeline.predict.isolate import isolate
from pipeline.predict.parts import PartWriter
from pipeline.predict.plan import Plan
from schema.errors import DataError

# Of one request to the model: many enough to be fast, few enough that decoded images fit into memory.
ROWS_PER_REQUEST = 1024
ROWS_PER_IMAGE_REQUEST = 64

PREDICTIONS, REJECTED = "part", "rejected"


def part_file(folder: Path, kind: str, index: int) -> Path:
    """Returns the file of the PREDICTIONS or REJECTED rows of a shard."""
    return folder / kind / f"{kind}-{index:06d}.parquet"


class PredictShard(beam.DoFn):
    """Predicts the rows of shards and writes their files.

    Args:
        plan: How.
        folder: Holds the files of all shards; every worker must reach it.
    """

    def __init__(self, plan: Plan, folder: Path):
        self._plan = plan
        self._folder = folder
        self._models = shared.Shared()

    def setup(self) -> None:
        """Loads the model, once per worker process, and sees that it answers at all.

        Raises:
            DataError: It does not: no row is to blame.
        """
        self._servable = self._models.acquire(lambda: Servable.load(self._plan.model))
        self._servable.predict_examples([b""])

    def process(self, element: tuple[int, Shard]) -> Iterator[None]:
        """Writes the files of a shard; yields nothing."""
        index, shard = element
        schemas = {PREDICTIONS: self._plan.predictions, REJECTED: self._plan.rejected}
        with (
            PartWriter(part_file(self._folder, PREDICTIONS, index), schemas[PREDICTIONS]) as predictions,
            PartWriter(part_file(self._folder, REJECTED, index), schemas[REJECTED]) as rejected,
        ):
            for kind, batch in predict_shard(shard, self._plan, self._servable):
                (predictions if kind == PREDICTIONS else rejected).write(batch)
        yield from ()


def predict_shard(shard: Shard, plan: Plan, servable: Servable) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yields PREDICTIONS and REJECTED rows, each in the order of the file, with the columns that the plan says.

    Raises:
        DataError: The file cannot be read.
    """
    step = ROWS_PER_IMAGE_REQUEST if plan.images else ROWS_PER_REQUEST
    for read in rows.read(shard, plan.read_columns, bool(plan.images)):
        if isinstance(read, rows.Malformed):
            nothing = [pa.nulls(1, field.type) for field in plan.kept]
            yield REJECTED, _rejected(read.file, read.number, read.reason, nothing, plan)
            continue
        for start in range(0, len(read.numbers), step):
            yield from _predict(read.slice(start, start + step), plan, servable)


def _predict(asked: rows.Rows, plan: Plan, servable: Servable) -> Iterator[tuple[str, pa.RecordBatch]]:
    def attempt(start: int, stop: int) -> pa.RecordBatch:
        some = asked.slice(start, stop)
        answered = servable.predict_examples(convert.to_examples(some, plan))
        columns = [*convert.to_kept(some, plan), *answers.arrays(answered, plan.exported.heads)]
        return pa.RecordBatch.from_arrays(columns, schema=plan.predictions)

    for start, stop, result in isolate(0, len(asked.numbers), attempt, (DataError,)):
        if isinstance(result, Exception):
            row = asked.slice(start, stop)
            number = int(row.numbers[0])
            kept = convert.to_kept_or_null(row, plan)
            yield REJECTED, _rejected(row.file, number, str(result), kept, plan)
        else:
            yield PREDICTIONS, result


def _rejected(file: str, number: int, reason: str, kept: list[pa.Array], plan: Plan) -> pa.RecordBatch:
    short = reason.removeprefix(f"{file}: ").removeprefix(f"row {number}, ")  # Both have columns of their own.
    return pa.RecordBatch.from_arrays([[file], [number], [short], *kept], schema=plan.rejected)
