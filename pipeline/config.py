"""Where a run reads, writes and computes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from components.example_gen.places import Place
from components.example_gen.spans import Span
from pipeline.profiles.find import local
from pipeline.profiles.profile import Profile


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """One run of a task.

    Attributes:
        data: File or folder of rows, here or in a store.
        output: The run's folder.
        run_id: Name of the run; sorts by time.
        fresh: Run every stage, whatever the cache holds.
        profile: Where Beam's work is done.
        no_baseline: Why the model is not to be compared with the last blessed one; None if it is.
        spans: The spans that are read, ascending; none if the data has no spans.
        missing: Labels of those that its window should have had, and that are not there.
    """

    data: Place
    output: Path
    run_id: str
    fresh: bool = False
    profile: Profile = dataclasses.field(default_factory=local)
    no_baseline: str | None = None
    spans: tuple[Span, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def window(self) -> dict[str, Any] | None:
        """The spans as report.json names them: `first`, `last`, how many `spans`, `missing`; None if there are none."""
        if not self.spans:
            return None
        labels = {"first": self.spans[0].label, "last": self.spans[-1].label}
        return {**labels, "spans": len(self.spans), "missing": list(self.missing)}

    @property
    def metadata(self) -> Path:
        """ML Metadata's database."""
        return self.output / "metadata.db"

    @property
    def artifacts(self) -> Path:
        """TFX's artifacts."""
        return self.output / "artifacts"

    @property
    def span_store(self) -> Path:
        """Encoded rows of every span that was read."""
        return self.artifacts / "spans"

    @property
    def counts(self) -> Path:
        """What every span that was read holds of each column, for StatisticsGen, Drift and Transform."""
        return self.artifacts / "counts"

    @property
    def serving(self) -> Path:
        """Pushed models."""
        return self.output / "serving"

    @property
    def reports(self) -> Path:
        """Folder of this run's report."""
        return self.output / "reports" / self.run_id

    @property
    def log(self) -> Path:
        """What TFX, TensorFlow and Beam print."""
        return self.output / "logs" / f"{self.run_id}.log"
