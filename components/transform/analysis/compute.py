"""The analysis of the training rows on Beam's workers, where each span is read once for all windows that have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import apache_beam as beam

from components.example_gen import per_span
from components.transform.analysis.accumulator import Accumulator
from components.transform.analysis.analysis import Analysis


def analyse(
    parts: Mapping[str, Sequence[str]], store: str, analysis: Analysis, make_pipeline: Callable[[], beam.Pipeline]
) -> dict[str, Accumulator]:
    """Returns what is learnt of all rows: parts that were not read yet are read now, the others never again.

    Args:
        parts: TFRecord files by the name under which what they hold is kept.
        store: Where that is.
        analysis: What is to be learnt.
        make_pipeline: Makes the pipeline that reads; not called if there is nothing to read.
    """
    per_span.open_store(store)
    unread = [name for name in parts if per_span.load(store, name) is None]
    if unread:
        pipeline = make_pipeline()
        _ = (
            pipeline
            | "Files" >> beam.Create([(name, file) for name in unread for file in parts[name]])
            | "Spread" >> beam.Reshuffle()
            | "Gather" >> beam.MapTuple(lambda name, file: (name, analysis.of_file(file)))
            | "Merge" >> beam.CombinePerKey(analysis.merge)
            | "Keep" >> beam.MapTuple(lambda name, found: per_span.save(store, name, found))
        )
        pipeline.run().wait_until_finish()
    # In one order, so that sums are the same to the last digit whatever was kept; and one after the other, as all
    # together may be large.
    return analysis.merged(per_span.kept(store, name) for name in sorted(parts))
