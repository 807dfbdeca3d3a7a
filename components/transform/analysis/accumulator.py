"""What is learnt of a column from all training rows, gathered piece by piece.

Plain objects, without Beam: pieces are gathered apart, on several workers or on several days, and merged. What merging
gives is what all rows together would have given: exactly for counts, within float noise for moments, and within the
rank error of a sketch for quantiles.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pyarrow as pa


class Accumulator(Protocol):
    """Gathers one thing of one column."""

    @property
    def kind(self) -> str:
        """What is gathered, in words: states of one kind can be merged, whatever is to be made of them."""
        ...

    def add(self, column: pa.Array) -> None:
        """Gathers rows: a list of int64, float32 or bytes per row, null where there is no value."""
        ...

    def merge(self, state: Any) -> None:
        """Gathers what another one of this kind has gathered."""
        ...

    def state(self) -> Any:
        """Returns what was gathered, as JSON has it."""
        ...

    def result(self) -> Any:
        """Returns what is learnt: numbers, in lists where there are several, or `Terms.result`."""
        ...


def numbers(column: pa.Array) -> np.ndarray:
    """Returns the values of a column as preprocessing_fn sees them, float32 `(values,)`."""
    values: np.ndarray = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    return values
