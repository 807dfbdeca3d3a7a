"""The heads of the models that are evaluated: of a Model artifact, and as an evaluation keeps them.

They stand in a file: metadata of an artifact are part of a command line on Kubeflow, where all class names of all heads
may be more than one can hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tfx.utils import path_utils

from components.exported import ExportedHead, exported_file, heads_of, read_exported, to_data

_HEADS_FILE = "heads.json"


def exported_heads(model_uri: str) -> dict[str, ExportedHead]:
    """Returns the heads of a model by name; empty if the artifact holds no model."""
    folder = Path(path_utils.serving_model_path(model_uri))
    return read_exported(folder).heads if exported_file(folder).is_file() else {}


def write_heads(evaluation_uri: str, heads: Mapping[str, ExportedHead], baseline: Mapping[str, ExportedHead]) -> None:
    """Writes the heads of both models beside their evaluation."""
    text = json.dumps({"heads": to_data(heads), "baseline": to_data(baseline)})
    (Path(evaluation_uri) / _HEADS_FILE).write_text(text, encoding="utf-8")


def read_heads(evaluation_uri: str) -> tuple[dict[str, ExportedHead], dict[str, ExportedHead]]:
    """Returns the heads of the model that was evaluated, and of the baseline: none if there is none."""
    found = json.loads((Path(evaluation_uri) / _HEADS_FILE).read_text(encoding="utf-8"))
    return heads_of(found["heads"]), heads_of(found["baseline"])
