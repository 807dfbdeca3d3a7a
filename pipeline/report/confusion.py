"""What was decided and what was true, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.report.heat import share
from pipeline.report.parts import Cell, Row, Table

# Of more classes than these a matrix is no longer read: the most frequent mistakes are listed instead.
MAX_MATRIX = 12


def of_classes(head: str, classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    """Returns rows of the true class by decided class, or for many classes the most frequent mistakes.

    Args:
        head: For the caption.
        classes: Names.
        counts: Rows by true and decided class.
    """
    if len(classes) > MAX_MATRIX:
        return _mistakes(head, classes, counts)
    rows: list[Row] = []
    for name, of_class in zip(classes, counts, strict=True):
        total = sum(of_class)
        rows.append(
            [
                name,
                f"{total:,}",
                *(share(n / total, f"{n / total:.0%} ({n:,})") if total else Cell("-") for n in of_class),
            ]
        )
    return Table(f"{head}: true class by row, decided class by column", ["true class", "rows", *classes], rows)


def _mistakes(head: str, classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    found = [
        (n, n / sum(of_class), true, decided)
        for true, of_class in zip(classes, counts, strict=True)
        for decided, n in zip(classes, of_class, strict=True)
        if n and decided != true
    ]
    rows: list[Row] = [
        [true, decided, f"{n:,}", share(of_true, f"{of_true:.0%}")]
        for n, of_true, true, decided in sorted(found, key=lambda mistake: -mistake[0])
    ]
    columns = ["true class", "decided instead", "rows", "share of the true class"]
    return Table.capped(f"{head}: most frequent mistakes", columns, rows)


def of_tags(head: str, counts: Mapping[str, Sequence[Sequence[int]]]) -> Table:
    """Returns a row per tag, that of the lowest F1 first.

    Args:
        head: For the caption.
        counts: By tag, rows without and with it, by rows it was not and was decided for.
    """
    ranked: list[tuple[float, Row]] = []
    for tag, ((rejected, false), (missed, found)) in counts.items():
        precision = found / (found + false) if found + false else None
        recall = found / (found + missed) if found + missed else None
        either = 2 * found + false + missed
        row = [tag, f"{found + missed:,}", f"{found:,}", f"{missed:,}", f"{false:,}", f"{rejected:,}"]
        ranked.append((2 * found / either if either else 1.0, [*row, _share(precision), _share(recall)]))
    columns = ["tag", "rows with it", "found", "missed", "given wrongly", "rightly not given", "precision", "recall"]
    rows = [row for _, row in sorted(ranked, key=lambda pair: pair[0])]
    return Table.capped(f"{head}: decisions by tag, worst first", columns, rows)


def _share(value: float | None) -> Cell:
    return Cell("-") if value is None else share(value, f"{value:.0%}")
