"""Counting rows many at a time: Beam hands them over one by one, NumPy wants many."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

# Rows kept as they come before they are counted: small slices never need counts of their own.
BUFFERED_ROWS = 4096


@dataclasses.dataclass
class BufferedRows:
    """An accumulator: rows not counted yet, and counts of the others."""

    rows: list[Any] = dataclasses.field(default_factory=list)
    counts: Any = None


class BufferedCombiner(beam.CombineFn):
    """Counts rows of a slice; what a row and a count are, a subclass says."""

    @abc.abstractmethod
    def row(self, element: metric_types.StandardMetricInputs) -> Any:
        """Returns what is kept of a row, or None if it does not count."""

    @abc.abstractmethod
    def count(self, rows: Sequence[Any]) -> Any:
        """Returns the counts of rows, maybe none; counts can be added."""

    @abc.abstractmethod
    def values(self, counts: Any) -> dict[metric_types.MetricKey, float | bytes]:
        """Returns the metrics of counts: numbers, or what `components.evaluator.packed` makes of others."""

    def create_accumulator(self) -> BufferedRows:
        """Starts with nothing."""
        return BufferedRows()

    def add_input(self, buffer: BufferedRows, element: metric_types.StandardMetricInputs) -> BufferedRows:
        """Takes a row."""
        row = self.row(element)
        if row is not None:
            buffer.rows.append(row)
            if len(buffer.rows) >= BUFFERED_ROWS:
                self.fold(buffer)
        return buffer

    def merge_accumulators(self, buffers: Iterable[BufferedRows]) -> BufferedRows:
        """Puts rows and counts together."""
        merged = BufferedRows()
        for buffer in buffers:
            merged.rows += buffer.rows
            if buffer.counts is not None:
                merged.counts = buffer.counts if merged.counts is None else merged.counts + buffer.counts
        if len(merged.rows) >= BUFFERED_ROWS:
            self.fold(merged)
        return merged

    def extract_output(self, buffer: BufferedRows) -> dict[metric_types.MetricKey, float | bytes]:
        """Returns the metrics."""
        self.fold(buffer)
        return self.values(buffer.counts)

    def fold(self, buffer: BufferedRows) -> None:
        """Counts the buffered rows."""
        if buffer.rows or buffer.counts is None:
            counts = self.count(buffer.rows)
            buffer.counts = counts if buffer.counts is None else buffer.counts + counts
            buffer.rows = []


def of_model(element: metric_types.StandardMetricInputs, model: str) -> tuple[Mapping[str, np.ndarray], ...]:
    """Returns predictions by output, and labels and masks by head, of one model; its name is empty if it is alone."""
    given = element["predictions"], element["labels"], element["example_weights"]
    return tuple(values[model] for values in given) if model else given
