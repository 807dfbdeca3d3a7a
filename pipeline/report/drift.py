"""What moved since the spans before, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# A terminal shows this many sentences; the page has them all.
_SHOWN = 8


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yields a heading and a sentence for everything that moved too far; nothing if nothing did."""
    findings = ((report.get("data") or {}).get("drift") or {}).get("findings", [])
    if not findings:
        return
    yield f"drift: span {report['span']} is unlike the spans before it"
    shown = findings if len(findings) == _SHOWN + 1 else findings[:_SHOWN]  # "and 1 more" would save nothing.
    yield from (f"  {sentence}" for sentence in shown)
    if len(findings) > len(shown):
        yield f"  and {len(findings) - len(shown)} more, in the report"
