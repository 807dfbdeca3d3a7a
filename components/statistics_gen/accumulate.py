"""Statistics of rows as accumulators: of files, of spans, and of what is put together from them.

The numbers are TensorFlow Data Validation's. Its generators are accumulators that can be merged; its Beam stages make
statistics of them at once, so that nothing is left for the next window.
"""

from __future__ import annotations

import functools
import pickle
import zlib
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_data_validation.statistics.generators.basic_stats_generator import BasicStatsGenerator
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.statistics_gen.terms import TermCounter
from schema.errors import DataError

# One of every generator.
Accumulators = list[Any]


def image_schema(images: Iterable[str]) -> schema_pb2.Schema:
    """Returns a schema that keeps images from being counted as words, with all of them in memory.

    Only what must be known of image columns: with the whole schema, a changed class would ask for new statistics.
    """
    declared = [
        schema_pb2.Feature(name=name, type=schema_pb2.BYTES, image_domain=schema_pb2.ImageDomain()) for name in images
    ]
    return schema_pb2.Schema(feature=declared)


def accumulate(batches: Iterable[pa.RecordBatch], images: Iterable[str]) -> Accumulators:
    """Returns the accumulators of rows.

    Args:
        batches: The rows, columns of lists.
        images: Columns of encoded images.

    Raises:
        DataError: A column holds values of two types.
    """
    generators = _generators(images)
    found = [generator.create_accumulator() for generator in generators]
    for batch in batches:
        try:
            found = [one.add_input(of, batch) for one, of in zip(generators, found, strict=True)]
        except TypeError:
            _check_types(found, [one.add_input(one.create_accumulator(), batch) for one in generators])
            raise
    return [one.compact(of) for one, of in zip(generators, found, strict=True)]


def merge(parts: Iterable[Accumulators], images: Iterable[str]) -> Accumulators:
    """Returns the accumulators of all rows together; those of the parts must not be used any more.

    Raises:
        DataError: A column holds values of two types.
    """
    generators = _generators(images)

    def add(all_before: Accumulators, part: Accumulators) -> Accumulators:
        triples = zip(generators, all_before, part, strict=True)
        try:
            return [generator.merge_accumulators([before, of]) for generator, before, of in triples]
        except TypeError:
            _check_types(all_before, part)
            raise

    return functools.reduce(add, parts, [generator.create_accumulator() for generator in generators])


def extract(accumulators: Accumulators, images: Iterable[str]) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Returns statistics, columns in the order of their names."""
    found = stats_impl.extract_statistics_output(accumulators, _generators(images))
    for dataset in found.datasets:
        dataset.features.sort(key=lambda feature: list(feature.path.step))
    return found


def to_bytes(accumulators: Accumulators) -> bytes:
    """Returns what `from_bytes` reads.

    A pickle, for the accumulators are objects of TensorFlow Data Validation's own that have no other form. It is read
    only by the versions that wrote it, which the name of a file changes with, and only if its digest is right; and it
    lies among the artifacts of a run, where whoever can write may as well put in another model.
    """
    return zlib.compress(pickle.dumps(accumulators, pickle.HIGHEST_PROTOCOL), level=1)


def from_bytes(kept: bytes) -> Accumulators:
    """Reads what `to_bytes` returned."""
    found: Accumulators = pickle.loads(zlib.decompress(kept))  # noqa: S301 - see `to_bytes`
    return found


def _generators(images: Iterable[str]) -> list[Any]:
    schema = image_schema(images)
    return [BasicStatsGenerator(schema=schema), TermCounter(schema)]


def _check_types(before: Accumulators, part: Accumulators) -> None:
    """Looks for a column that is of one type in some rows and of another in others: no statistics can be of it.

    Raises:
        DataError: There is one.
    """
    known, now = ({path: found.common_stats.type for path, found in of[0].items()} for of in (before, part))
    for path in sorted(known.keys() & now.keys()):
        kinds = {known[path], now[path]} - {None}
        if len(kinds) > 1:
            some, others = sorted(map(statistics_pb2.FeatureNameStatistics.Type.Name, kinds))
            raise DataError(
                f"column '{'.'.join(path.steps())}' is {some} in some rows and {others} in others; write it anew, with "
                "one type, or declare another in schema.pbtxt"
            )
