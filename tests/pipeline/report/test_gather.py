"""What report.json says of the data, from real statistics of numbers, texts, images and missing values."""

import json

import pytest

from schema.contract import load_contract


@pytest.fixture(scope="module")
def statistics():
    import pandas as pd
    import tensorflow_data_validation as tfdv

    from components.statistics_gen.accumulate import image_schema

    train = pd.DataFrame(
        {
            "amount": [1.0, 0.0, None, 5.0],
            "colour": ["red", "red", "red", "green"],
            "kind": ["cat", "dog", "cat", None],
            "year": [2013, 2014, 2014, 2015],
            "photo": [b"1234", b"12", b"123", None],
            "empty": pd.Series([None] * 4, dtype=object),
        }
    )
    options = tfdv.StatsOptions(schema=image_schema(["photo"]))
    return {
        split: tfdv.generate_statistics_from_dataframe(rows, options)
        for split, rows in (("train", train), ("eval", train.head(1)), ("test", train.tail(2)))
    }


@pytest.fixture
def data(statistics, write_task):
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    from pipeline.report import gather

    found = anomalies_pb2.Anomalies()
    found.anomaly_info["year"].CopyFrom(
        anomalies_pb2.AnomalyInfo(severity=anomalies_pb2.AnomalyInfo.WARNING, short_description="odd")
    )
    return gather.data(statistics, {"train": found}, load_contract(write_task()).task)


def test_rows_and_anomalies(data):
    assert data["splits"] == {"train": 4, "eval": 1, "test": 2}
    assert data["anomalies"] == ["column 'year': odd (train)"]
    assert data["drift"] is None


def test_drift_is_handed_on(statistics, write_task):
    from pipeline.report import gather

    drift = {"mode": "warn", "compared": [], "findings": []}
    assert gather.data(statistics, {}, load_contract(write_task()).task, drift)["drift"] == drift


def test_columns_in_the_order_of_the_task_and_the_others_after_them(data):
    types = {feature["name"]: feature["type"] for feature in data["features"]}
    assert list(types.items())[:3] == [("amount", "numeric"), ("colour", "categorical"), ("kind", "multiclass")]
    assert {types[name] for name in ("year", "photo", "empty")} == {"not learnt from"}


def test_statistics(data):
    by_name = {feature.pop("name"): feature for feature in data["features"]}
    assert by_name["amount"] == {
        "type": "numeric",
        "missing": 0.25,
        "min": 0.0,
        "median": 1.0,
        "mean": 2.0,
        "max": 5.0,
        "std": pytest.approx((14 / 3) ** 0.5),
        "zeros": pytest.approx(1 / 3),
    }
    assert by_name["colour"]["top"] == [["red", 0.75], ["green", 0.25]]
    assert by_name["colour"]["unique"] == 2
    assert by_name["kind"]["missing"] == 0.25
    assert by_name["photo"]["bytes"] == 3.0
    assert by_name["empty"] == {"type": "not learnt from", "missing": 1.0}
    json.dumps(data, allow_nan=False)
