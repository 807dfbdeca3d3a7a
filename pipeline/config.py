"""Where a run reads, writes and computes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from components.example_gen.places import Place
from components.example_gen.spans import Span

# In process, in memory, by the runner that DirectRunner chose until Beam 2.68. Newer ones try Prism first, whatever the
# mode, which they would download. The image is never used in process; naming one keeps TFX from packing itself into an
# sdist for every stage.
_IN_PROCESS = (
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
    "--sdk_container_image=in-process",
)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """One run of a task.

    Attributes:
        data: File or folder of rows, here or in a store.
        output: The run's folder.
        run_id: Name of the run; sorts by time.
        fresh: Run every stage, whatever the cache holds.
        beam_options: Beam's command line options, after those of the local runner.
        no_baseline: Why the model is not to be compared with the last blessed one; None if it is.
        spans: The spans that are read, ascending; none if the data has no spans.
        missing: Labels of those that its window should have had, and that are not there.
    """

    data: Place
    output: Path
    run_id: str
    fresh: bool = False
    beam_options: tuple[str, ...] = ()
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

    @property
    def beam_arguments(self) -> list[str]:
        """All options for Beam: a later one wins over an earlier one of the same name."""
        return [*_IN_PROCESS, *self.beam_options]
