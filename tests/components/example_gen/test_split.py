"""Which split a row belongs to."""

import itertools

import numpy as np
import pyarrow as pa
import pytest

from components.example_gen.columns import to_features
from components.example_gen.split import assign, row_hashes
from schema.data import ColumnSplit, HashSplit, Ratios
from schema.errors import DataError

TRAIN, EVAL, TEST = range(3)
HASH = HashSplit(by="hash")
TYPES = {"hour": "INT", "day": "INT", "distance": "FLOAT", "carrier": "BYTES", "fold": "BYTES"}
FEW = {
    "hour": [5, 6, None, 8, 8],
    "carrier": ["AA", "UA", "B6", None, "ä"],
    "distance": [1400.0, None, 1089.5, 762.0, 762.0],
}


def features(**columns):
    batch = pa.RecordBatch.from_arrays([pa.array(values) for values in columns.values()], names=list(columns))
    return to_features(batch, TYPES, "rows.parquet")


def many(rows):
    """Returns rows that are all different."""
    return features(day=range(rows), carrier=[("AA", "UA", None)[i % 3] for i in range(rows)])


class TestGolden:
    """Pins pandas' hash: with another one, rows would move from `test` into `train` between two versions."""

    def test_hashes(self):
        assert row_hashes(features(**FEW), ["hour", "carrier", "distance"]).tolist() == [
            5925880561152378752,
            13142238897187587971,
            2974592300850065424,
            3368791346379719132,
            225313736668816567,
        ]

    def test_splits(self):
        assert "".join(map(str, assign(many(40), HASH))) == "0211000002202001121000000020020100002000"


class TestByHash:
    def test_ratios_hold(self):
        found = assign(many(20_000), HashSplit(by="hash", ratios=Ratios(train=7, eval=2, test=1)))
        # Five standard deviations of a share are .016 at most.
        assert pytest.approx([0.7, 0.2, 0.1], abs=0.016) == (np.bincount(found) / 20_000).tolist()

    def test_a_row_keeps_its_split_when_others_come_and_go(self):
        rows = many(200)
        whole = assign(rows, HASH).tolist()
        assert {TRAIN, EVAL, TEST} == set(whole)
        order = np.random.default_rng(0).permutation(200)[:150]
        assert [whole[i] for i in order] == assign(rows.take(pa.array(order)), HASH).tolist()
        assert whole[50:90] == assign(rows.slice(50, 40), HASH).tolist()

    def test_order_of_columns_does_not_count(self):
        names = list(FEW)
        one, *others = ([*row_hashes(features(**FEW), list(order))] for order in itertools.permutations(names))
        assert [one] * 5 == others

    def test_values_in_other_columns_are_other_rows(self):
        rows = pa.RecordBatch.from_arrays([pa.array([[1], [2], None]), pa.array([[2], [1], [1]])], names=["a", "b"])
        assert len(set(row_hashes(rows, ["a", "b"]).tolist())) == 3

    @pytest.mark.parametrize(("name", "other"), [("hour", 7), ("carrier", "AB"), ("distance", 1400.5), ("hour", None)])
    def test_every_column_counts(self, name, other):
        changed = {**FEW, name: [other, *FEW[name][1:]]}
        before, after = (row_hashes(features(**columns), list(FEW)).tolist() for columns in (FEW, changed))
        assert before[0] != after[0]
        assert before[1:] == after[1:]

    def test_equal_rows_stay_together(self):
        assert len(set(assign(features(day=[7] * 50, carrier=["AA"] * 50), HASH).tolist())) == 1

    def test_columns_without_any_value(self):
        found = assign(features(day=range(100), carrier=[None] * 100, hour=[None] * 100, distance=[None] * 100), HASH)
        assert {TRAIN, EVAL, TEST} == set(found.tolist())

    def test_no_rows(self):
        assert assign(many(10).slice(0, 0), HASH).tolist() == []


class TestKey:
    def test_equal_keys_stay_together(self):
        days, carriers = zip(*itertools.product(range(40), ["AA", "UA", None]), strict=True)
        found = assign(features(day=days, carrier=carriers), HashSplit(by="hash", key=("day",))).tolist()
        by_day = [found[i : i + 3] for i in range(0, len(found), 3)]
        assert [{split[0]} for split in by_day] == [set(split) for split in by_day]
        assert {TRAIN, EVAL, TEST} == set(found)

    def test_other_columns_do_not_count(self):
        rule = HashSplit(by="hash", key=("day",))
        alone = assign(features(day=range(40)), rule).tolist()
        assert alone == assign(features(day=range(40), distance=[i / 7 for i in range(40)]), rule).tolist()

    def test_every_key_counts(self):
        rows = features(day=range(40), hour=[i % 7 for i in range(40)])
        found = [assign(rows, HashSplit(by="hash", key=key)).tolist() for key in (("day", "hour"), ("day",), ("hour",))]
        assert len(set(map(tuple, found))) == 3

    def test_order_of_the_keys_does_not_count(self):
        one, other = (
            assign(many(40), HashSplit(by="hash", key=key)).tolist() for key in (("day", "carrier"), ("carrier", "day"))
        )
        assert one == other

    def test_rows_without_the_key_stay_together(self):
        found = assign(features(day=range(40), hour=[None] * 40), HashSplit(by="hash", key=("hour",)))
        assert len(set(found.tolist())) == 1

    def test_absent(self):
        with pytest.raises(DataError) as error:
            assign(features(day=[1], hour=[2]), HashSplit(by="hash", key=("day", "date")))
        assert str(error.value) == "data.split: column 'date' is not in the data; there are: day, hour"


class TestByColumn:
    RULE = ColumnSplit(by="column", column="fold")

    def test_values_are_splits(self):
        rows = features(fold=["test", "train", "eval", "train"])
        assert assign(rows, self.RULE).tolist() == [TEST, TRAIN, EVAL, TRAIN]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (["train", "tets"], "holds 'tets'; allowed: train, eval, test; did you mean 'test'?"),
            (["train", "zzz"], "holds 'zzz'; allowed: train, eval, test"),
            (["train", None], "holds 'no value'; allowed: train, eval, test"),
            (["train", ""], "holds ''; allowed: train, eval, test"),
            ([1, 2], "holds '1'; allowed: train, eval, test"),
            ([b"train", b"\xff"], "holds '\ufffd'; allowed: train, eval, test"),
        ],
    )
    def test_other_values(self, values, expected):
        with pytest.raises(DataError) as error:
            assign(features(fold=values), self.RULE)
        assert f"data.split: column 'fold' {expected}" == str(error.value)

    def test_absent(self):
        with pytest.raises(DataError, match="column 'fold' is not in the data; there are: day"):
            assign(features(day=[1]), self.RULE)


class TestLabels:
    def test_a_new_head_or_a_late_label_moves_no_row(self):
        rows = range(200)
        before = features(day=rows, carrier=["AA", "UA"] * 100)
        after = features(day=rows, carrier=["AA", "UA"] * 100, fold=["yes", None] * 100)
        np.testing.assert_array_equal(assign(before, HASH, {"fold"}), assign(after, HASH, {"fold"}))
        assert not np.array_equal(assign(before, HASH), assign(after, HASH))
