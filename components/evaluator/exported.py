"""What an exported model says of its heads, in the file beside it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from tfx.utils import path_utils

from components.trainer.export import HEADS_FILE

MULTICLASS, MULTILABEL = "multiclass", "multilabel"


@dataclasses.dataclass(frozen=True)
class ExportedHead:
    """A head of a model.

    Attributes:
        type: `multiclass` or `multilabel`.
        classes: Names of classes or tags.
        thresholds: Of its decisions, by class or tag.
    """

    type: str
    classes: tuple[str, ...]
    thresholds: tuple[float, ...]

    @property
    def is_multilabel(self) -> bool:
        """Whether its classes are tags, any number of which may apply."""
        return self.type == MULTILABEL

    def answers_like(self, other: ExportedHead | None) -> bool:
        """Returns whether both tell the same classes apart; thresholds may differ."""
        return other is not None and (self.type, self.classes) == (other.type, other.classes)

    @classmethod
    def of(cls, given: dict[str, Any] | list[str]) -> ExportedHead:
        """Reads a head; a mere list of classes is how models of version 0.1 put it: the likeliest class decides."""
        if isinstance(given, list):
            return cls(MULTICLASS, tuple(given), (1 / len(given),) * len(given))
        return cls(given["type"], tuple(given["classes"]), tuple(given["thresholds"]))


def exported_heads(model_uri: str) -> dict[str, ExportedHead]:
    """Returns the heads of a model by name; empty if the artifact holds no model."""
    file = Path(path_utils.serving_model_path(model_uri)) / "assets.extra" / HEADS_FILE
    return heads_of(json.loads(file.read_text(encoding="utf-8"))["heads"]) if file.is_file() else {}


def heads_of(given: dict[str, Any]) -> dict[str, ExportedHead]:
    """Returns heads from plain data, as HEADS_FILE or `to_data` has them."""
    return {name: ExportedHead.of(head) for name, head in given.items()}


def to_data(heads: dict[str, ExportedHead]) -> dict[str, Any]:
    """Returns heads as plain data."""
    return {name: dataclasses.asdict(head) for name, head in heads.items()}
