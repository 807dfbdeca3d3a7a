"""What a run of a compiled pipeline can be given, and what the graph makes of it."""

from __future__ import annotations

import dataclasses

from tfx.orchestration.data_types import RuntimeParameter

from pipeline.given import Given
from pipeline.identity import training_digest
from pipeline.runners.kubeflow.names import CODE, DATA, DATA_FINGERPRINT, NO_BASELINE, SERVING, SPAN, WINDOW
from schema.contract import Contract

Value = str | int

DESCRIPTIONS = {
    DATA: "File or folder of rows, as containers see it, or its URI, such as s3://bucket/folder.",
    DATA_FINGERPRINT: "Changes with the data: if ingestion is reused, then under the same one; [[RunUUID]] never is.",
    SPAN: "The newest span to read, as a label or number; latest for the latest that is there.",
    WINDOW: "How many spans, counted back.",
    SERVING: "Serving folder, on a volume or in an object store; if empty, a model is only an artifact of the run.",
    NO_BASELINE: "Why the model is not to be compared with the last blessed one; empty if it is.",
    CODE: "Fingerprint of the code: stages are reused only under the same one.",
}
# KFP and Vertex put the run's id in its place.
_RUN_ID = "{{$.pipeline_job_uuid}}"


@dataclasses.dataclass(frozen=True)
class Defaults:
    """Values of parameters, none of which a run need give.

    Attributes:
        data: File or folder of rows, as containers see it, or its URI.
        data_fingerprint: Of the data as they were when the pipeline was compiled; empty if nobody looked at them.
        span: The newest span.
        window: How many spans.
        serving: Serving folder.
        code: Fingerprint of the code.
    """

    data: str
    data_fingerprint: str
    span: str
    window: int
    serving: str
    code: str

    def values(self, has_spans: bool) -> dict[str, Value]:
        """Returns the value of every parameter by name."""
        of_spans: dict[str, Value] = {SPAN: self.span, WINDOW: self.window} if has_spans else {}
        return {
            DATA: self.data,
            DATA_FINGERPRINT: self.data_fingerprint,
            **of_spans,
            SERVING: self.serving,
            NO_BASELINE: "",
            CODE: self.code,
        }


def at_run_time(contract: Contract, name: str, root: str) -> Given:
    """Returns what the stages of a compiled pipeline are told.

    Args:
        contract: The task.
        name: Of the pipeline.
        root: Where artifacts go; an empty string for where the server puts them.
    """
    has_spans = contract.task.data.spans is not None
    return Given(
        name=name,
        root=root,
        run_id=_RUN_ID,
        data=RuntimeParameter(DATA, str),
        data_fingerprint=RuntimeParameter(DATA_FINGERPRINT, str),
        has_spans=has_spans,
        span=RuntimeParameter(SPAN, str) if has_spans else "",
        spans=RuntimeParameter(WINDOW, int) if has_spans else 1,
        serving=RuntimeParameter(SERVING, str),
        recipe=training_digest(contract, ""),
        no_baseline=RuntimeParameter(NO_BASELINE, str),
    )
