"""Batch prediction on Beam."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import apache_beam as beam

from pipeline.predict import parts
from pipeline.predict.plan import Plan
from pipeline.predict.shard import PREDICTIONS, REJECTED, PredictShard
from pipeline.predict.target import Target
from pipeline.profiles.profile import Profile
from pipeline.runners.beam import beam_pipelines
from schema.errors import DataError

_STAGE = "Predict"


@dataclasses.dataclass(frozen=True)
class Counts:
    """Rows.

    Attributes:
        predicted: In the predictions.
        rejected: In the side file.
    """

    predicted: int
    rejected: int


def predict(plan: Plan, target: Target, profile: Profile) -> Counts:
    """Predicts every row of the data; what is written appears when all of it is there.

    Args:
        plan: What to read, and how.
        target: Where to write.
        profile: Where Beam's work is done.

    Raises:
        UserError: The target cannot be written to.
        DataError: A file cannot be read, or every row was rejected: the side file says why, and there are no new
            predictions.
    """
    with target.beside() as folder:
        for kind in (PREDICTIONS, REJECTED):
            (folder / kind).mkdir()
        with beam_pipelines(profile) as pipelines_of, pipelines_of(_STAGE) as make, make() as pipeline:
            _ = (
                pipeline
                | "Shards" >> beam.Create(list(enumerate(plan.shards)))
                | "Spread" >> beam.Reshuffle()
                | "Predict" >> beam.ParDo(PredictShard(plan, folder))
            )
        predicted, rejected = (sorted((folder / kind).glob("*.parquet")) for kind in (PREDICTIONS, REJECTED))
        counts = Counts(parts.num_rows(predicted), parts.num_rows(rejected))
        if target.is_file and predicted:
            parts.join(predicted, folder / "all.parquet", plan.predictions)
        _put_rejected(rejected, folder, plan, target.rejected)
        if not counts.predicted:
            raise DataError(
                f"none of {counts.rejected:,} rows could be predicted; {target.rejected} says why, row by row"
            )
        (folder / ("all.parquet" if target.is_file else PREDICTIONS)).replace(target.path)
    return counts


def _put_rejected(rejected: list[Path], folder: Path, plan: Plan, target: Path) -> None:
    """Puts the side file in its place, or removes that of an earlier call."""
    if not rejected:
        target.unlink(missing_ok=True)
        return
    parts.join(rejected, folder / "rejected.parquet", plan.rejected)
    (folder / "rejected.parquet").replace(target)
