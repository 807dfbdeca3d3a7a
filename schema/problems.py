"""What is wrong with a task, said so that a person can mend it."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Sequence

from schema.errors import UserError

KeyPath = tuple[str | int, ...]

_MAX_ALLOWED_SHOWN = 30  # A longer list hides the sentence it belongs to.


@dataclasses.dataclass(frozen=True)
class Problem:
    """One mistake in task.yaml or schema.pbtxt.

    Attributes:
        where: File and, where known, line; or the `--set` option that brought the value.
        key: Dotted key, such as `heads.cancelled.loss.weight`.
        message: What is wrong, with the value received.
        allowed: The values or names that would have been right, if they can be listed.
        given: The name to look up among `allowed` for "did you mean".
    """

    where: str
    key: str
    message: str
    allowed: tuple[str, ...] = ()
    given: str | None = None

    def __str__(self) -> str:
        text = f"{self.where}: {self.key}: {self.message}" if self.key else f"{self.where}: {self.message}"
        if self.allowed:
            shown = ", ".join(self.allowed[:_MAX_ALLOWED_SHOWN])
            more = len(self.allowed) - _MAX_ALLOWED_SHOWN
            text += f"; allowed: {shown}" + (f" and {more} more" if more > 0 else "")
        if self.given is not None and (name := nearest(self.given, self.allowed)):
            text += f"; did you mean '{name}'?"
        return text


class TaskError(UserError):
    """A task that cannot be run: carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """Returns the allowed name most like `name`, or None if none is near."""
    by_lower = {candidate.lower(): candidate for candidate in allowed}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def dotted(path: KeyPath) -> str:
    """Returns a key path as people write it: `gates.arr_delay.0.min`."""
    return ".".join(str(part) or "''" for part in path)
