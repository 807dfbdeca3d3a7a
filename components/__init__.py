"""TFX components, one package per stage.

Kubeflow Pipelines knows an artifact type by its name alone, and TFX imports that very name in a container: artifact
types of our own are therefore named, and found, as attributes of this package.
"""

from __future__ import annotations

import importlib
from typing import Any

_ARTIFACT_TYPES = {
    "CanaryFindings": "components.canary.component",
    "DriftFindings": "components.data_gate.drift.component",
    "HeadReport": "components.evaluator.component",
}


def __getattr__(name: str) -> Any:
    """Imports an artifact type when it is asked for: the packages behind it are heavy."""
    if name not in _ARTIFACT_TYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ARTIFACT_TYPES[name]), name)
