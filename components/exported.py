"""What an exported model says of itself, in the file beside it: read by whoever judges, pushes or serves it.

No TensorFlow and no TFX is needed to know which heads and features a model has.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from schema import names
from schema.errors import DataError

# TensorFlow Serving leaves this folder of a SavedModel alone, but for its warm-up requests.
EXTRA_FOLDER = "assets.extra"
WARMUP_FILE = "tf_serving_warmup_requests"
HEADS_FILE = "multihead.json"
MULTICLASS, MULTILABEL = "multiclass", "multilabel"
# What stands in a tensor where a row has no value, and its type in numpy, by a feature's `dtype`.
MISSING: dict[str, Any] = {"INT": names.MISSING_INT, "FLOAT": math.nan, "BYTES": b""}
NUMPY_TYPES: dict[str, type] = {"INT": np.int64, "FLOAT": np.float32, "BYTES": object}


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


@dataclasses.dataclass(frozen=True)
class ExportedFeature:
    """A feature of a model.

    Attributes:
        type: `numeric`, `categorical`, `text` or `image`, as in task.yaml.
        dtype: `INT`, `FLOAT` or `BYTES`, as in schema.pbtxt: what its raw column holds.
    """

    type: str
    dtype: str


@dataclasses.dataclass(frozen=True)
class Exported:
    """A model.

    Attributes:
        task: Name of its task; empty if the model is too old to say.
        heads: By name, in the order of the task.
        features: By name, in the order of the task; empty if the model is too old to say.
    """

    task: str
    heads: dict[str, ExportedHead]
    features: dict[str, ExportedFeature]


def exported_file(model: Path) -> Path:
    """Returns the file that describes a SavedModel."""
    return model / EXTRA_FOLDER / HEADS_FILE


def read_exported(model: Path) -> Exported:
    """Reads what a SavedModel says of itself.

    Args:
        model: Its folder.

    Raises:
        DataError: The file is not there, or not what the Trainer writes.
    """
    file = exported_file(model)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        features = {name: ExportedFeature(**given) for name, given in found.get("features", {}).items()}
        return Exported(found.get("task", ""), heads_of(found["heads"]), features)
    except OSError as error:
        raise DataError(
            f"{file}: cannot be read ({error.strerror}); only a model that multihead exported can be used"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DataError(f"{file}: is not what multihead writes beside a model; export the model anew") from None


def heads_of(given: Mapping[str, Any]) -> dict[str, ExportedHead]:
    """Returns heads from plain data, as HEADS_FILE or `to_data` has them."""
    return {name: ExportedHead.of(head) for name, head in given.items()}


def to_data(described: Mapping[str, ExportedHead] | Mapping[str, ExportedFeature]) -> dict[str, Any]:
    """Returns heads or features as plain data."""
    return {name: dataclasses.asdict(part) for name, part in described.items()}
