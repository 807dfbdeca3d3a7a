"""The table of a comparison, as text."""

import pytest
from rich.console import Console

from pipeline.compare import summary, tables
from pipeline.compare.grid import read_grid


@pytest.fixture
def text(cells, result):
    """Renders the comparison of results."""

    def render(results, width=200, chosen=cells):
        comparison = {
            "task": "toy",
            "main_metrics": {"kind": "auc", "size": "accuracy"},
            "cells": summary.summarise(chosen, results),
        }
        console = Console(width=width)
        with console.capture() as captured:
            console.print(tables.render(comparison))
        return captured.get()

    return render


def rows(text, table=0):
    """Cells by the label of their row, deviations on the line below the means."""
    lines = text.split("└")[table].splitlines()
    found = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    labels = [i for i, (first, *_) in enumerate(found) if first]
    ends = [*labels[1:], len(found)]
    return {
        found[start][0]: [" ".join(parts).strip() for parts in list(zip(*found[start:end], strict=True))[1:]]
        for start, end in zip(labels, ends, strict=True)
    }


def test_means_deviations_cost_and_gains(text, result):
    trainings = [result(kind=0.80, accuracy=0.4, seconds=1.0), result(kind=0.84, accuracy=0.6, seconds=2.0, epochs=4)]
    printed = text([trainings, [result()] * 2, [result(parameters=12345)] * 2])
    assert printed.splitlines()[0] == "toy: 2 trainings per cell"
    assert rows(printed)["shared"] == ["0.8200 ±0.0283", "0.5000 ±0.1414", "+1.25 %", "+0.00 %"]
    assert rows(printed, table=1)["shared"] == ["1.5 ±0.7", "3.5", "1,000"]
    assert rows(printed, table=1)["ple"] == ["2.0 ±0.0", "3.0", "12,345"]


def test_one_training_and_no_reference(text, cells, result):
    printed = text([[result(kind=None)]] * 2, chosen=[cells[0], cells[2]])
    assert printed.splitlines()[0] == "toy: 1 training per cell"
    assert "Delta_m" not in printed
    assert rows(printed)["ple"] == ["-", "0.5000"]


def test_a_log_of_80_columns_holds_every_value(text, result):
    assert rows(text([[result()] * 2] * 3, width=80)) == rows(text([[result()] * 2] * 3))


def test_every_key_that_differs_has_a_column(text, write_task, result):
    options = ["trunk.type=shared,ple", "training.epochs=3", "trunk.units=[8],[4, 4]"]
    printed = text([[result()]] * 4, chosen=read_grid(write_task(), options, 1))
    assert rows(printed)["shared"][:2] == ["[4, 4]", "0.8000"]  # The later of the two rows.
    single = text([[result()]], chosen=read_grid(write_task(), ["trunk.type=ple", "training.epochs=3"], 1))
    assert rows(single)["ple"][0] == "3"
