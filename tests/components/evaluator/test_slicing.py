"""Slices of whole batches, against TFMA's own slicing of single rows."""

import numpy as np
import pytest
from tensorflow_model_analysis.api import types
from tensorflow_model_analysis.slicer import slicer_lib

from components.evaluator.slicing import sliced

ROWS = 60
RNG = np.random.default_rng(0)
LISTS = {
    "city": [[b"oslo", "łódź".encode(), b"x y"][: RNG.integers(0, 2)] for _ in range(ROWS)],
    "tags": [RNG.choice([b"red", b"ripe", b"big"], RNG.integers(0, 4)).tolist() for _ in range(ROWS)],
    "hour": [[int(RNG.integers(-2, 3))] * int(RNG.integers(0, 3)) for _ in range(ROWS)],
    "share": [[float(np.float32(RNG.choice([0.1, 12.3, 7.0])))][: RNG.integers(0, 2)] for _ in range(ROWS)],
}
DTYPES = {"city": object, "tags": object, "hour": np.int64, "share": np.float32}


def var_len(name):
    """Returns a column as TFMA has one with any number of values per row."""
    rows = [i for i, values in enumerate(LISTS[name]) for _ in values]
    places = [j for values in LISTS[name] for j, _ in enumerate(values)]
    flat = np.array([value for values in LISTS[name] for value in values], DTYPES[name])
    return types.VarLenTensorValue(flat, np.array([rows, places]).T, np.array([ROWS, 3]))


def ragged(name):
    ends = np.cumsum([0, *map(len, LISTS[name])])
    return types.RaggedTensorValue(var_len(name).values, [ends])


def by_tfma(by):
    """Returns rows by slice key, from TFMA's slices of each row."""
    found = {}
    for i in range(ROWS):
        features = {name: np.array(values[i], DTYPES[name]) for name, values in LISTS.items()}
        spec = slicer_lib.SingleSliceSpec(columns=by)
        for key in set(slicer_lib.get_slices_for_features_dicts([], features, [spec])):
            found.setdefault(key, []).append(i)
    return found


@pytest.mark.parametrize("make", [var_len, ragged])
@pytest.mark.parametrize(
    "by", [(), ("city",), ("tags",), ("hour",), ("share",), ("tags", "city"), ("hour", "share", "tags")]
)
def test_slices_are_those_of_tfma(by, make):
    found = sliced({name: make(name) for name in LISTS}, by, ROWS)
    rows = {key: found.rows[found.groups == group].tolist() for group, key in enumerate(found.keys)}
    expected = by_tfma(by)
    assert expected == rows
    assert {key: [type(value) for _, value in key] for key in expected} == {
        key: [type(value) for _, value in key] for key in found.keys
    }


def test_a_dense_column_has_a_value_in_every_row():
    found = sliced({"kind": np.array([[b"a"], [b"b"], [b"a"]], object)}, ("kind",), 3)
    assert found.keys == ((("kind", "a"),), (("kind", "b"),))
    assert found.groups[np.argsort(found.rows)].tolist() == [0, 1, 0]


def test_a_batch_without_any_value_is_in_no_slice():
    empty = types.VarLenTensorValue(np.array([], object), np.zeros((0, 2), np.int64), np.array([4, 0]))
    for by in (("city",), ("city", "kind"), ("kind", "city")):
        found = sliced({"city": empty, "kind": np.array([b"a"] * 4, object)}, by, 4)
        assert (found.keys, found.rows.tolist()) == ((), [])


def test_zero_has_one_slice_whatever_its_sign():
    found = sliced({"change": np.array([0.0, -0.0, 1.5, -0.0], np.float32)}, ("change",), 4)
    assert [(key, str(key[0][1])) for key in found.keys] == [((("change", 0.0),), "0.0"), ((("change", 1.5),), "1.5")]
    assert found.groups[np.argsort(found.rows)].tolist() == [0, 0, 1, 0]
