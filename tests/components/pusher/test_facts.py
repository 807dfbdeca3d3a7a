"""Facts of real statistics, of texts, numbers, lists and missing values."""

import pytest


@pytest.fixture(scope="module")
def statistics():
    import pandas as pd
    import tensorflow_data_validation as tfdv

    train = pd.DataFrame(
        {
            "amount": [1.5, None, None, 2.5],
            "year": [1, 2, 3, 4],
            "kind": ["cat", "dog", "cat", None],
            "many": ["a", "b", "c", "d"],
        }
    )
    test = pd.DataFrame({"amount": [1.0], "year": [1], "kind": ["cat"], "many": ["a"]})
    options = tfdv.StatsOptions(num_rank_histogram_buckets=3)
    return {
        split: tfdv.generate_statistics_from_dataframe(rows, options)
        for split, rows in (("train", train), ("test", test))
    }


def test_rows(statistics):
    from components.pusher.facts import rows

    assert rows(statistics) == {"train": 4, "test": 1}


def test_missing(statistics):
    from components.pusher.facts import missing

    assert missing(statistics, ["amount", "kind", "year", "gone"]) == pytest.approx(
        {"amount": 0.4, "kind": 0.2, "year": 0.0, "gone": 1.0}
    )
    assert missing({}, ["amount"]) == {"amount": 1.0}


def test_label_counts(statistics):
    from components.pusher.facts import label_counts

    found = label_counts(statistics, {"kind": ["cat", "dog", "cow"], "many": list("abcd")})
    assert found["kind"] == {
        "cat": {"train": 2, "test": 1},
        "dog": {"train": 1, "test": 0},
        "cow": {"train": 0, "test": 0},
    }
    assert found["many"] is None  # More classes than StatisticsGen counts.
