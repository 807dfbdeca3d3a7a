"""Where commands print tables."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# Characters; no line is longer.
_UNFOLDED = 1_000_000


def terminal() -> Console:
    """Returns the terminal, where a class called [red] or :cat: stays as it is; a file or pipe has all the width."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else _UNFOLDED)
