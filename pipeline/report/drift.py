"""What moved since the spans before, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# A terminal shows this many sentences; the page has them all.
_SHOWN = 8


def findings(report: Mapping[str, Any]) -> list[str]:
    """Returns a sentence for everything that moved too far; none of a report that is too old to say."""
    return list(((report.get("data") or {}).get("drift") or {}).get("findings", ()))


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yields a heading and a sentence for everything that moved too far; nothing if nothing did."""
    moved = findings(report)
    if not moved:
        return
    yield f"drift: span {report['span']} is unlike the spans before it"
    shown = moved if len(moved) == _SHOWN + 1 else moved[:_SHOWN]  # "and 1 more" would save nothing.
    yield from (f"  {sentence}" for sentence in shown)
    if len(moved) > len(shown):
        yield f"  and {len(moved) - len(shown)} more, in the report"
