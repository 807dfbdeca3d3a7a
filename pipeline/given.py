"""What stages are told beyond their task: where the data and the served models are, and what is known of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from components.example_gen.entries import Entry
from components.example_gen.places import place
from components.pusher.history import revocation
from pipeline.baseline import begun_from, find_baseline
from pipeline.config import RunConfig
from pipeline.identity import data_fingerprint, stored_key, training_digest
from schema.contract import Contract


@dataclasses.dataclass(frozen=True)
class Given:
    """What is given to the stages.

    On this machine all is looked up before the run. A compiled pipeline has TFX's RuntimeParameters for what is only
    known when it runs, and stages that look for themselves.

    Attributes:
        name: Of the pipeline.
        root: TFX's artifacts.
        run_id: Names the run.
        data: File or folder of rows.
        data_fingerprint: Changes with the data.
        has_spans: Whether the data have any.
        window: The spans to read, the newest last; none if ExampleGen is to find them.
        span: Then, the newest of them.
        spans: And how many.
        span_store: Where encoded spans are kept; an empty string if they are not.
        counts: Where it is kept what spans hold, for StatisticsGen, Drift and Transform; an empty string if it is not.
        serving: Serving folder.
        training: Digest of all that makes the model; an empty string if Baseline is to make it from `recipe`.
        recipe: All that makes the model but the data; an empty string if `baseline` is known.
        baseline: The served version to compare with; an empty string if there is none.
        identity: Digest of that model.
        no_baseline: If Baseline looks for itself, why it is not to, or an empty string.
        why_none: If it does not, why there is no baseline, in a sentence.
        revoked: That this training was rolled back, in a sentence.
        replace_pointer: Push even if the serving folder's pointer is damaged.
        reuse: Whether what earlier runs have done counts.
        metadata: ML Metadata's database; None if it is not a file of this machine.
    """

    name: str
    root: str
    run_id: str
    data: Any
    data_fingerprint: Any
    has_spans: bool
    serving: Any
    window: tuple[Entry, ...] = ()
    span: Any = ""
    spans: Any = 1
    span_store: str = ""
    counts: str = ""
    training: str = ""
    recipe: str = ""
    baseline: str = ""
    identity: str = ""
    no_baseline: Any = ""
    why_none: str = ""
    revoked: str = ""
    replace_pointer: bool = False
    reuse: bool = True
    metadata: Path | None = None


def look_up(contract: Contract, run: RunConfig) -> Given:
    """Returns what a run on this machine is told.

    Args:
        contract: The task.
        run: Where to read, write and compute.

    Raises:
        DataError: There is no data, or the serving folder is damaged.
    """
    rows = data_fingerprint(contract, run.data, run.spans)
    training, warm_start = training_digest(contract, rows), contract.task.training.warm_start
    last_blessed = find_baseline(run, training, warm_start)
    training = begun_from(training, last_blessed) if warm_start else training
    return Given(
        name=contract.task.task,
        root=str(run.artifacts.resolve()),
        run_id=run.run_id,
        data=str(run.data.resolve()),
        data_fingerprint=rows,
        has_spans=bool(run.spans),
        window=tuple(
            Entry(span.label, span.number, str(place(span.folder).resolve()), stored_key(contract, span))
            for span in run.spans
        ),
        span_store=str(run.span_store.resolve()),
        counts=str(run.counts.resolve()),
        serving=str(run.serving.resolve()),
        training=training,
        baseline=last_blessed.folder,
        identity=last_blessed.identity(),
        why_none=last_blessed.why_none,
        revoked="" if run.fresh else revocation(run.serving, training),
        replace_pointer=run.no_baseline is not None,
        reuse=not run.fresh,
        metadata=run.metadata.resolve(),
    )
