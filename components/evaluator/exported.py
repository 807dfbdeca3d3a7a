"""The heads of a Model artifact."""

from __future__ import annotations

from pathlib import Path

from tfx.utils import path_utils

from components.exported import ExportedHead, exported_file, read_exported


def exported_heads(model_uri: str) -> dict[str, ExportedHead]:
    """Returns the heads of a model by name; empty if the artifact holds no model."""
    folder = Path(path_utils.serving_model_path(model_uri))
    return read_exported(folder).heads if exported_file(folder).is_file() else {}
