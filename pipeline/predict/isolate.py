"""Which rows of a batch cannot be answered: the batch is halved until every bad row stands alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

Result = TypeVar("Result")


def isolate(
    start: int, stop: int, attempt: Callable[[int, int], Result], failures: tuple[type[Exception], ...]
) -> Iterator[tuple[int, int, Result | Exception]]:
    """Attempts rows together, and by halves where that fails.

    Of n rows of which b fail, there are at most 1 + 2 b log2(n) attempts, rounded up.

    Args:
        start: First row.
        stop: Behind the last row.
        attempt: Is given `start` and `stop` of some of the rows.
        failures: What it raises if one of them is bad; anything else ends it all.

    Yields:
        (start, stop, what the attempt gave) of pieces, in order, every row in one; or (row, row + 1, the failure).
    """
    if start == stop:
        return
    try:
        result = attempt(start, stop)
    except failures as error:
        if stop - start == 1:
            yield start, stop, error
            return
    else:
        yield start, stop, result
        return
    middle = (start + stop) // 2
    yield from isolate(start, middle, attempt, failures)
    yield from isolate(middle, stop, attempt, failures)
