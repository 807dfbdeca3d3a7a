"""How often every term is there, of which the most frequent make a vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import pyarrow as pa

# In a vocabulary without any term: TensorFlow makes no table of an empty file, and TensorFlow Transform has the same
# random term there (`get_empy_vocabulary_dummy_value`).
_NO_TERM = b"49d0cd50-04bb-48c0-bc6f-5b575dce351a"


class Terms:
    """Counts terms exactly, in memory: as many as the data has.

    What cannot stand in a line of a text file is no term: the empty string, and one with a line break.

    Args:
        kind: What the terms are.
        size: How many terms the vocabulary may have.
        terms_of: Returns the terms of a column, bytes `(any number,)`.
    """

    def __init__(self, kind: str, size: int, terms_of: Callable[[pa.Array], pa.Array]):
        self.kind = kind
        self._size = size
        self._terms_of = terms_of
        self._counts: Counter[bytes] = Counter()

    def add(self, column: pa.Array) -> None:
        """Gathers rows of a column."""
        found = self._terms_of(column).value_counts()
        for term, count in zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True):
            if term and b"\n" not in term and b"\r" not in term:
                self._counts[term] += count

    def merge(self, state: Mapping[str, int]) -> None:
        """Gathers what another one has gathered."""
        for term, count in state.items():
            self._counts[term.encode("utf-8", "surrogateescape")] += count

    def state(self) -> dict[str, int]:
        """Returns the counts by term."""
        return {term.decode("utf-8", "surrogateescape"): count for term, count in self._counts.items()}

    def result(self) -> list[bytes]:
        """Returns the vocabulary: the most frequent terms first, of equally frequent ones the last in order of bytes.

        As TensorFlow Transform orders them, so that ids are the same. There is one term at least.
        """
        ordered = sorted(self._counts.items(), key=lambda item: (item[1], item[0]), reverse=True)
        return [term for term, _ in ordered[: self._size]] or [_NO_TERM]
