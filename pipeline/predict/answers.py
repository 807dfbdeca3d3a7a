"""What the model answers, as columns of a table.

`HEAD.label` is the decided class, a string, or the list of decided tags. `HEAD.scores` is a struct with a field per
class: the names travel with the numbers through every Parquet reader, which Arrow's metadata does not; a query takes
one class by its name, and Parquet reads that one only.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from components.exported import ExportedHead
from schema import names
from schema.errors import DataError

Heads = Mapping[str, ExportedHead]


def fields(heads: Heads) -> list[pa.Field]:
    """Returns the columns of the answers of all heads."""
    found = []
    for name, head in heads.items():
        label = pa.list_(pa.string()) if head.is_multilabel else pa.string()
        scores = pa.struct([pa.field(value, pa.float32()) for value in head.classes])
        found += [pa.field(f"{name}.label", label), pa.field(f"{name}.scores", scores)]
    return found


def arrays(answers: Mapping[str, np.ndarray], heads: Heads) -> list[pa.Array]:
    """Returns the answers of all heads, one array per field of `fields`.

    Args:
        answers: Outputs of the signature by name: scores float32 `(batch, num_classes)`; decided classes, bytes
            `(batch,)`; decided tags, bytes `(batch, num_tags)`, empty where one does not apply.
        heads: What the model says of its heads.

    Raises:
        DataError: A score is not finite.
    """
    found = []
    for name, head in heads.items():
        scores = np.asarray(answers[names.scores(name)], np.float32)
        if not np.isfinite(scores).all():
            raise DataError(f"the scores of head '{name}' are not finite")
        if head.is_multilabel:
            label = _lists(np.asarray(answers[names.decided_tags(name)], object))
        else:
            label = _texts(np.asarray(answers[names.decided(name)], object))
        columns = [pa.array(np.ascontiguousarray(column)) for column in scores.T]
        found += [label, pa.StructArray.from_arrays(columns, names=head.classes)]
    return found


def _texts(values: np.ndarray) -> pa.Array:
    return pa.array(values.tolist(), pa.binary()).cast(pa.string())


def _lists(tags: np.ndarray) -> pa.ListArray:
    applies = tags != names.NO_TAG.encode()
    offsets = np.concatenate([[0], np.cumsum(applies.sum(axis=1))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _texts(tags[applies]))
