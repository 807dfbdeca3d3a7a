"""Which spans a run reads, as stages are told. Loads without TFX."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Entry:
    """A span to be read, or read already.

    Attributes:
        label: Of the span.
        number: Of the span.
        folder: Where its files are.
        key: Digest of its files and of what decides how they are encoded.
    """

    label: str
    number: int
    folder: str
    key: str

    @property
    def name(self) -> str:
        """Name of its folder in the store."""
        return f"{self.label}-{self.key}"


def entries_to_json(entries: Iterable[Entry]) -> str:
    """Returns a JSON form that `entries_from_json` reads."""
    return json.dumps([dataclasses.asdict(entry) for entry in entries])


def entries_from_json(text: str) -> tuple[Entry, ...]:
    """Reads what `entries_to_json` wrote."""
    return tuple(Entry(**entry) for entry in json.loads(text))
