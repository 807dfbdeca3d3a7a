"""What was learnt, in a folder where preprocessing_fn finds it: numbers, and a file per vocabulary."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from tfx.dsl.io import fileio

from components.transform.analysis.accumulator import Accumulator
from components.transform.analysis.terms import Terms
from schema import names

_FILE = "learnt.json"


def save(folder: str, accumulators: Mapping[str, Accumulator]) -> None:
    """Writes what was gathered by feature and head."""
    fileio.makedirs(folder)
    learnt: dict[str, Any] = {}
    for name, accumulator in accumulators.items():
        if isinstance(accumulator, Terms):
            with fileio.open(os.path.join(folder, names.vocabulary(name)), "wb") as file:
                file.write(b"".join(term + b"\n" for term in accumulator.result()))
            learnt[name] = {"file": names.vocabulary(name)}
        else:
            learnt[name] = accumulator.result()
    with fileio.open(os.path.join(folder, _FILE), "w") as file:
        file.write(json.dumps(learnt))


class Learnt:
    """Reads what `save` wrote.

    Args:
        folder: Where it is.
    """

    def __init__(self, folder: str):
        self._folder = folder
        with fileio.open(os.path.join(folder, _FILE), "r") as file:
            self._learnt = json.loads(file.read())

    def of(self, name: str) -> Any:
        """Returns the numbers of a feature or head, or the file of its vocabulary; None if nothing was learnt of it."""
        found = self._learnt.get(name)
        return os.path.join(self._folder, found["file"]) if isinstance(found, dict) else found
