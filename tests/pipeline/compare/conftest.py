"""A small grid, and results of its trainings."""

import pytest

from pipeline.compare.grid import read_grid


@pytest.fixture
def cells(write_task):
    """Three trunks of the toy task, whose heads are `kind` and `size`."""
    return read_grid(write_task(), ["trunk.type=shared,independent,ple", "training.epochs=3"], 2)


@pytest.fixture
def result():
    """Makes what one training gives."""

    def make(kind=0.8, size=0.6, accuracy=0.5, seconds=2.0, parameters=1000, epochs=3):
        metrics = {"kind": {"auc": kind, "accuracy": accuracy}, "size": {"auc": size, "accuracy": accuracy}}
        return {"format": 1, "seconds": seconds, "epochs": epochs, "parameters": parameters, "heads": metrics}

    return make
