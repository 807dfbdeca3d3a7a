"""What a new model can be compared with: the heads that it shares with the last blessed one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from components.exported import ExportedHead
from schema.gates import JOINT

NO_BASELINE = "no baseline"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Which heads can be compared.

    Attributes:
        shared: The baseline's own, of those that both models have with the same classes.
        new: That the baseline lacks.
        changed: That have other classes, or another type, in the baseline: they count as new.
        removed: That only the baseline has.
    """

    shared: dict[str, ExportedHead]
    new: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    @classmethod
    def of(cls, candidate: Mapping[str, ExportedHead], baseline: Mapping[str, ExportedHead]) -> Comparison:
        """Compares the heads of two models; of a baseline without any, all are new."""
        shared = {name: baseline[name] for name, head in candidate.items() if head.answers_like(baseline.get(name))}
        return cls(
            shared,
            tuple(name for name in candidate if name not in baseline),
            tuple(name for name in candidate if name in baseline and name not in shared),
            tuple(name for name in baseline if name not in candidate),
        )

    def uncompared(self) -> dict[str, str]:
        """Returns why a head, or `joint`, has no baseline, as the end of a sentence; of each that has none."""
        if not self.shared and not self.changed and not self.removed:
            return dict.fromkeys((*self.new, JOINT), NO_BASELINE)
        reasons = dict.fromkeys(self.new, "the head is new")
        reasons |= dict.fromkeys(self.changed, "its classes changed, it counts as a new head")
        if reasons:
            reasons[JOINT] = f"the baseline has no such head, or other classes: {', '.join(reasons)}"
        return reasons

    def sentence(self, version: str) -> str:
        """Returns how a baseline was used.

        Args:
            version: Its folder.
        """
        if not self.shared and not self.changed and not self.removed:
            return f"not compared with {version}, which does not say what its heads are; `max_drop` was not applied"
        parts = [f"compared with {version}" if self.shared else f"no head to compare with {version}"]
        parts += [f"new heads, without max_drop this once: {', '.join(self.new)}"] if self.new else []
        parts += (
            [f"heads with other classes now, without max_drop this once: {', '.join(self.changed)}"]
            if self.changed
            else []
        )
        parts += [f"heads no longer there: {', '.join(self.removed)}"] if self.removed else []
        return "; ".join(parts)
