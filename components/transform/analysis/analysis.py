"""All that is learnt of a task's columns, file by file and merged."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping

import pyarrow as pa

from components.example_gen.records import batches
from components.transform import labels
from components.transform.analysis.accumulator import Accumulator
from components.transform.features import ACCUMULATORS
from schema.task import TaskSpec


@dataclasses.dataclass(frozen=True)
class Analysis:
    """What is to be learnt, as it travels to workers.

    Attributes:
        task: The task as JSON.
        classes: Class names by head, as JSON.
        types: INT, FLOAT or BYTES by column of the examples.
    """

    task: str
    classes: str
    types: Mapping[str, str]

    def create(self) -> dict[str, Accumulator]:
        """Returns empty accumulators by feature and head, of those of which something is learnt."""
        task, classes = TaskSpec.from_json(self.task), json.loads(self.classes)
        features = {name: ACCUMULATORS[feature.type](feature) for name, feature in task.features.items()}
        heads = {name: labels.accumulator(head, tuple(classes[name])) for name, head in task.heads.items()}
        return {name: found for name, found in (features | heads).items() if found is not None}

    def digest(self, code: str) -> str:
        """Returns hexadecimal digits that change with what is gathered, whatever is to be made of it.

        Args:
            code: Digest of the code that gathers it.
        """
        kinds = {name: accumulator.kind for name, accumulator in self.create().items()}
        return hashlib.sha256(f"{code}\0{json.dumps(kinds, sort_keys=True)}".encode()).hexdigest()[:16]

    def of_file(self, file: str) -> bytes:
        """Returns what a gzip TFRecord file of tf.Examples holds, as `merge` takes it."""
        accumulators = self.create()
        if not accumulators:  # Of images alone, say, nothing is learnt.
            return _to_bytes(accumulators)
        # Of the other columns, which may be images, nothing is decoded.
        for rows in batches(file, {name: self.types[name] for name in accumulators}):
            for name, column in zip(rows.schema.names, rows.columns, strict=True):
                if not pa.types.is_null(column.type):
                    accumulators[name].add(column)
        return _to_bytes(accumulators)

    def merge(self, parts: Iterable[bytes]) -> bytes:
        """Returns what several files hold together."""
        return _to_bytes(self.merged(parts))

    def merged(self, parts: Iterable[bytes]) -> dict[str, Accumulator]:
        """Returns the same, as accumulators."""
        accumulators = self.create()
        for part in parts:
            states = json.loads(part)
            for name, accumulator in accumulators.items():
                accumulator.merge(states[name])
        return accumulators


def _to_bytes(accumulators: Mapping[str, Accumulator]) -> bytes:
    return json.dumps({name: accumulator.state() for name, accumulator in accumulators.items()}).encode()
