import numpy as np
import pytest

from components.trainer.run import check_labelled
from schema.errors import DataError


def test_labelled_rows_in_every_split_are_enough():
    check_labelled({"train": {"zebra": np.array([5, 0])}, "eval": {"zebra": np.array([0, 1])}})


def test_heads_without_a_labelled_row_are_named_with_their_splits():
    counts = {
        "train": {"zebra": np.array([5, 1]), "apple": np.array([0, 0])},
        "eval": {"zebra": np.array([0, 0]), "apple": np.array([1, 0])},
    }
    with pytest.raises(DataError, match=r"no labelled row for head 'apple' in train, 'zebra' in eval"):
        check_labelled(counts)
