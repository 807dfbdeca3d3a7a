"""Names on Kubeflow Pipelines (KFP)."""

from __future__ import annotations

import re

# Of a run's parameters.
DATA = "data"
DATA_FINGERPRINT = "data_fingerprint"
SPAN = "span"
WINDOW = "window"
SERVING = "serving"
NO_BASELINE = "no_baseline"
CODE = "code"

# Of a name in Kubernetes, and TFX's own limit.
_LONGEST = 63


def pipeline_name(task: str) -> str:
    """Returns the name of a task's pipeline: KFP takes small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9-]", "-", task)[:_LONGEST].rstrip("-")


def default_data(task: str) -> str:
    """Returns where containers find a task's data if nobody says otherwise, so that no parameter needs a value."""
    return f"/data/{task}"


def is_pinned(image: str) -> bool:
    """Returns whether an image is named by its contents, `NAME@sha256:...` or an engine's own `sha256:...`.

    A tag may be another image tomorrow.
    """
    return re.search(r"(^|@)sha256:[0-9a-f]{64}$", image) is not None
