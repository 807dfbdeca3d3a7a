"""TFMA's evaluation with counts of whole batches, where TFMA itself takes a row apart for every slice and metric."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis import constants

from components.evaluator.counts import HeadRows
from components.evaluator.joint import JointRows
from components.evaluator.slicing import sliced
from components.evaluator.tally import Owner, Tally
from components.exported import ExportedHead
from schema import names

# What was counted since the last sum is added to it when it is as large: so that each number is moved a few times only.
_MIN_SIZE = 1 << 20


@dataclasses.dataclass(frozen=True)
class Counter:
    """Counts batches.

    Attributes:
        models: Heads of each model, by its name in the EvalConfig, the candidate first; it is empty if there is one.
        slicings: Columns to slice by; none for the whole.
    """

    models: Mapping[str, Mapping[str, ExportedHead]]
    slicings: Sequence[tuple[str, ...]]

    def count(self, extracts: Mapping[str, Any]) -> Iterator[tuple[int, Tally]]:
        """Yields what a batch of TFMA's extracts adds to each of the slicings, by its index."""
        rows: dict[Owner, HeadRows | JointRows] = {}
        masks: dict[Owner, np.ndarray] = {}
        (wanted, *_) = self.models.values()
        for model, heads in self.models.items():
            labels, scores, weights = (
                extracts[part][model] if model else extracts[part]
                for part in (constants.LABELS_KEY, constants.PREDICTIONS_KEY, constants.EXAMPLE_WEIGHTS_KEY)
            )
            if not isinstance(scores, Mapping):  # TFMA does not name the only output of a model.
                scores = dict.fromkeys(heads, scores)
            has_label = {name: np.ravel(weights[name]) > 0 for name in heads}
            truth = {name: _truth(labels[name], head) for name, head in heads.items()}
            for name, head in heads.items():
                # Models of version 0.1 do not tell what they were trained to give.
                trained = scores.get(names.uncalibrated(name))
                rows[model, name] = HeadRows.of(truth[name], scores[name], head.thresholds, head.is_multilabel, trained)
                masks[model, name] = has_label[name]
            if heads.keys() == wanted.keys():
                ordered = {name: heads[name] for name in wanted}
                rows[model, ""] = JointRows.of(ordered, truth, scores, has_label)
                masks[model, ""] = np.any(list(has_label.values()), axis=0)
        num_rows = len(extracts[constants.INPUT_KEY])
        for index, by in enumerate(self.slicings):
            yield index, Tally.of(sliced(extracts[constants.FEATURES_KEY], by, num_rows), rows, masks)


def _truth(labels: np.ndarray, head: ExportedHead) -> np.ndarray:
    whole = np.asarray(labels, np.int64)
    return whole.reshape(-1, len(head.classes)) if head.is_multilabel else whole.ravel()


class _Sum(beam.CombineFn):
    """Adds tallies; an accumulator is a sum, and what is still to be added to it."""

    def create_accumulator(self) -> list[Tally]:
        """Starts with nothing."""
        return []

    def add_input(self, parts: list[Tally], part: Tally) -> list[Tally]:
        """Takes one."""
        return _settled([*parts, part])

    def merge_accumulators(self, many: Iterable[list[Tally]]) -> list[Tally]:
        """Puts them together."""
        parts = [part for parts in many for part in parts]
        return _settled(parts) if parts else parts

    def compact(self, parts: list[Tally]) -> list[Tally]:
        """Adds up before anything travels."""
        return [Tally.merged(parts)] if parts else []

    def extract_output(self, parts: list[Tally]) -> Tally:
        """Returns the sum."""
        return Tally.merged(parts)


def _settled(parts: list[Tally]) -> list[Tally]:
    sizes = [part.size for part in parts]
    return [Tally.merged(parts)] if sum(sizes[1:]) > max(sizes[0], _MIN_SIZE) else parts


class CountBatches(beam.PTransform):
    """From TFMA's extracts of batches to the tally of each slicing, by its index."""

    def __init__(self, counter: Counter):
        """Takes what counts a batch."""
        super().__init__()
        self._counter = counter

    def expand(self, extracts: beam.PCollection) -> beam.PCollection:
        """Counts, and adds up."""
        return extracts | "Count" >> beam.FlatMap(self._counter.count) | "Add" >> beam.CombinePerKey(_Sum())
