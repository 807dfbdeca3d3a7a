"""What the canary asks a model: real rows, and what is rare in them but will come."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.exported import MISSING, NUMPY_TYPES, ExportedFeature
from schema import names

Features = Mapping[str, ExportedFeature]
# A value by feature; a feature without one is not in it.
Row = dict[str, Any]

# Fields of tf.train.Feature that hold a value, and the lists that they take.
_LISTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "INT": ("int64_list", tf.train.Int64List),
    "FLOAT": ("float_list", tf.train.FloatList),
    "BYTES": ("bytes_list", tf.train.BytesList),
}
# Categories that no data holds.
_UNHEARD_OF: dict[str, Any] = {"INT": names.MISSING_INT + 1, "BYTES": b"\x7f a category that nobody has heard of"}
# No image at all, and a PNG that ends behind its first bytes.
_BROKEN_IMAGES = {"no image": b"this is no image", "half an image": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"}


@dataclasses.dataclass(frozen=True)
class Request:
    """Rows to send in one batch.

    Attributes:
        name: What is special about them.
        rows: Any number.
        is_broken: Whether a model that decodes images must refuse them.
    """

    name: str
    rows: Sequence[Row]
    is_broken: bool = False


def read_rows(serialized: Iterable[bytes], features: Features) -> list[Row]:
    """Returns what raw tf.Examples hold of the features.

    A value that stands for a missing one in a tensor counts as missing here: only that can be said in every signature.
    """
    rows = []
    for record in serialized:
        given = tf.train.Example.FromString(record).features.feature
        found = {
            name: getattr(given[name], _LISTS[feature.dtype][0]).value
            for name, feature in features.items()
            if name in given
        }
        rows.append({n: values[0] for n, values in found.items() if values and not _is_missing(values[0])})
    return rows


def _is_missing(value: Any) -> bool:
    # Only NaN differs from itself.
    return value != value or value in (b"", names.MISSING_INT)


def examples(rows: Sequence[Row], features: Features) -> list[bytes]:
    """Returns rows as serialized tf.Examples, without what is missing."""
    return [_example(row, features).SerializeToString(deterministic=True) for row in rows]


def _example(row: Row, features: Features) -> tf.train.Example:
    encoded = {}
    for name, value in row.items():
        field, values = _LISTS[features[name].dtype]
        encoded[name] = tf.train.Feature(**{field: values(value=[value])})
    return tf.train.Example(features=tf.train.Features(feature=encoded))


def columns(rows: Sequence[Row], features: Features) -> dict[str, np.ndarray]:
    """Returns rows as one array `(rows,)` per feature, with what stands for a missing value where there is none."""
    return {
        name: np.array([row.get(name, MISSING[feature.dtype]) for row in rows], NUMPY_TYPES[feature.dtype])
        for name, feature in features.items()
    }


def given_columns(rows: Sequence[Row], features: Features) -> dict[str, np.ndarray]:
    """Returns the same without features that have no value at all, unless no feature has: that would be no row."""
    given = {name for row in rows for name in row} or set(features)
    return {name: values for name, values in columns(rows, features).items() if name in given}


def requests(rows: Sequence[Row], features: Features) -> Iterator[Request]:
    """Yields real rows, all at once and one by itself, and the edge cases.

    Args:
        rows: One or more.
        features: Of the model.
    """
    # The row that says most, so that leaving a feature out leaves something out.
    row = max(rows, key=len)
    yield Request("real rows", rows)
    yield Request("one row", [row])
    yield Request("no rows", [])
    yield Request("a row without any feature", [{}])
    for name in features:
        yield Request(f"a row without '{name}'", [{other: value for other, value in row.items() if other != name}])
    of_type = {kind: [n for n, f in features.items() if f.type == kind] for kind in ("categorical", "text", "image")}
    if of_type["categorical"]:
        unheard_of = {name: _UNHEARD_OF[features[name].dtype] for name in of_type["categorical"]}
        yield Request("unknown categories", [row | unheard_of])
    if of_type["text"]:
        yield Request("empty texts", [row | dict.fromkeys(of_type["text"], b"")])
    for name in of_type["image"]:
        for kind, encoded in _BROKEN_IMAGES.items():
            yield Request(f"{kind} in '{name}'", [*rows[:1], row | {name: encoded}], is_broken=True)
            # What went wrong must be over: the next request gets its answer.
            yield Request(f"one row after {kind} in '{name}'", [row])
