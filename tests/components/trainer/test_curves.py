"""What is kept of a training is what it was, and JSON."""

import json

from components.trainer import curves


def test_what_is_written_is_read(tmp_path):
    curves.write(tmp_path / "new", {"loss": [1.5, 0.5], "val_loss": [float("nan"), float("inf")]})
    assert curves.read(tmp_path / "new") == {"curves": {"loss": [1.5, 0.5], "val_loss": [None, None]}}


def test_numbers_of_numpy_are_numbers(tmp_path):
    import numpy as np

    curves.write(tmp_path, {"loss": [np.float32(0.5)]})
    assert json.loads((tmp_path / curves.FILE).read_text()) == {"curves": {"loss": [0.5]}}


def test_what_a_training_began_from_stands_beside(tmp_path):
    curves.write(tmp_path, {"loss": [0.5]}, {"from": "serving/3"})
    assert curves.read(tmp_path) == {"curves": {"loss": [0.5]}, "warm_start": {"from": "serving/3"}}
