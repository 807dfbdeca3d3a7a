"""Rows in memory, once: of which a batch is taken by the numbers of its rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

# By how many rows a matrix grows that is full: to grow moves no memory, and what is too much is there all the time.
_GROWTH = 2**16


@dataclasses.dataclass
class HeldRows:
    """Rows in memory.

    Numbers lie side by side, by their type, so that a row is found at once, not column by column: with dozens of
    columns that took longer than the training step.

    Attributes:
        shapes: Of the columns of numbers, by type and name, without the number of rows.
        matrices: By type, `(rows, numbers of a row)`: those columns, flat, in that order.
        others: Columns of texts or images by name, `(rows, ...)`.
    """

    shapes: Mapping[tf.DType, Mapping[str, tuple[int, ...]]]
    matrices: Mapping[tf.DType, tf.Tensor]
    others: dict[str, tf.Tensor]

    def __len__(self) -> int:
        return len(next(iter([*self.matrices.values(), *self.others.values()])))

    def take(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns columns of the rows with these numbers, `(len(rows), ...)`."""
        taken = {name: tf.gather(values, rows) for name, values in self.others.items()}
        for dtype, shapes in self.shapes.items():
            found = tf.split(tf.gather(self.matrices[dtype], rows), [*map(math.prod, shapes.values())], axis=1)
            taken |= {
                name: tf.reshape(values, [-1, *shape])
                for (name, shape), values in zip(shapes.items(), found, strict=True)
            }
        return taken


def hold(parts: Iterable[Mapping[str, tf.Tensor]], limit: int) -> HeldRows | None:
    """Returns all rows of parts, or None if there are none or they take more than `limit` bytes.

    Args:
        parts: Columns by name, each `(rows, ...)`, of the same names and types in all.
        limit: Bytes.
    """
    shapes: dict[tf.DType, dict[str, tuple[int, ...]]] = {}
    matrices: dict[tf.DType, _Growing] = {}
    others: dict[str, list[tf.Tensor]] = {}
    num_text_bytes = 0
    for part in parts:
        if not matrices and not others:
            for name, values in part.items():
                if values.dtype == tf.string:
                    others[name] = []
                else:
                    shapes.setdefault(values.dtype, {})[name] = tuple(values.shape[1:])
            widths = {dtype: sum(map(math.prod, of.values())) for dtype, of in shapes.items()}
            matrices = {dtype: _Growing(width, dtype.as_numpy_dtype) for dtype, width in widths.items()}
        for dtype, of_type in shapes.items():
            matrices[dtype].append([part[name].numpy().reshape(len(part[name]), -1) for name in of_type])
        for name, held in others.items():
            held.append(part[name])
            num_text_bytes += int(tf.reduce_sum(tf.strings.length(part[name])))
        if num_text_bytes + sum(matrix.num_bytes for matrix in matrices.values()) > limit:
            return None
    if not matrices and not others:
        return None
    return HeldRows(
        shapes,
        {dtype: matrices.pop(dtype).tensor() for dtype in shapes},
        {name: tf.concat(held, axis=0) for name, held in others.items()},
    )


class _Growing:
    """A matrix to which rows are appended; it grows in place, where a list of parts would be there twice in the end."""

    def __init__(self, width: int, dtype: type[np.generic]):
        self._values = np.empty((0, width), dtype)
        self._num_rows = 0

    @property
    def num_bytes(self) -> int:
        return self._values[: self._num_rows].nbytes

    def append(self, columns: list[np.ndarray]) -> None:
        """Appends rows, given by columns `(rows, width of the column)`."""
        end = self._num_rows + len(columns[0])
        if end > len(self._values):
            self._values.resize((end + _GROWTH, self._values.shape[1]), refcheck=False)
        np.concatenate(columns, axis=1, out=self._values[self._num_rows : end])
        self._num_rows = end

    def tensor(self) -> tf.Tensor:
        return tf.constant(self._values[: self._num_rows])
