"""What the report page is made of: tables and figures, with everything in words and nothing in HTML yet."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

# Rows of a table that are seen at once, and those that are seen when asked for; the rest is in report.json only.
SHOWN = 12
AT_MOST = 200


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell with a colour, or with a link.

    Attributes:
        text: What it says; a colour never says it alone.
        shade: Class of the page's style.
        link: Where it leads; empty if nowhere.
    """

    text: str
    shade: str = ""
    link: str = ""


Row = Sequence[Cell | str]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table, whose first column names its rows.

    Attributes:
        caption: What it shows; unique on the page, since it is also the name of the region that scrolls.
        columns: Their names.
        rows: Cells by row and column.
        rest: Rows that are seen when asked for.
        left_out: How many rows are not on the page at all.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Row]
    rest: Sequence[Row] = ()
    left_out: int = 0

    @classmethod
    def capped(cls, caption: str, columns: Sequence[str], rows: Sequence[Row], shown: int = SHOWN) -> Table:
        """Returns a table of rows, the most important of which come first."""
        if len(rows) == shown + 1:  # "and 1 more" would save nothing.
            shown += 1
        return cls(caption, columns, rows[:shown], rows[shown:AT_MOST], max(len(rows) - AT_MOST, 0))


@dataclasses.dataclass(frozen=True)
class Figure:
    """A chart, and its numbers for whoever wants to read them, or cannot see it.

    Attributes:
        svg: The chart.
        caption: What it shows.
        table: Its numbers.
    """

    svg: Markup
    caption: str
    table: Table
