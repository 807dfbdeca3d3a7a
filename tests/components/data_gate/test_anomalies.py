"""Anomalies as sentences a person can act on."""

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.data_gate.anomalies import absent, errors, warnings

ERROR, WARNING = anomalies_pb2.AnomalyInfo.ERROR, anomalies_pb2.AnomalyInfo.WARNING


def info(*reasons, severity=ERROR, short="", description=""):
    """Returns what TFDV says of one column; reasons are (short description, description)."""
    found = anomalies_pb2.AnomalyInfo(severity=severity, short_description=short, description=description)
    for reason in reasons:
        found.reason.add(short_description=reason[0], description=reason[1])
    return found


def anomalies(dataset=None, **columns):
    found = anomalies_pb2.Anomalies()
    for name, about in columns.items():
        found.anomaly_info[name].CopyFrom(about)
    if dataset:
        found.dataset_anomaly_info.CopyFrom(dataset)
    return found


def test_nothing_wrong():
    assert errors({"train": anomalies(), "eval": anomalies()}) == []
    assert errors({}) == []


def test_column_reason_and_split_are_named():
    found = anomalies(carrier=info(("Unexpected string values", "Examples contain values missing: XX")))
    assert errors({"train": found}) == [
        "column 'carrier': Unexpected string values: Examples contain values missing: XX (train)"
    ]


def test_every_reason_of_every_column_sorted_by_column():
    found = anomalies(hour=info(("a", "1"), ("b", "2")), carrier=info(("c", "3")))
    assert errors({"train": found}) == [
        "column 'carrier': c: 3 (train)",
        "column 'hour': a: 1 (train)",
        "column 'hour': b: 2 (train)",
    ]


def test_the_same_finding_in_several_splits_is_said_once():
    by_split = {
        "train": anomalies(hour=info(("a", "1"))),
        "eval": anomalies(day=info(("b", "2"))),
        "test": anomalies(hour=info(("a", "1"))),
    }
    assert errors(by_split) == ["column 'hour': a: 1 (train, test)", "column 'day': b: 2 (eval)"]


def test_warnings_do_not_count():
    found = anomalies(
        hour=info(("a", "1"), severity=WARNING),
        day=info(("b", "2"), severity=anomalies_pb2.AnomalyInfo.UNKNOWN),
        dataset=info(("c", "3"), severity=WARNING),
    )
    assert errors({"train": found}) == []
    assert warnings({"train": found, "eval": anomalies(day=info(("c", "4")))}) == [
        "column 'day': b: 2 (train)",
        "column 'hour': a: 1 (train)",
        "the data as a whole: c: 3 (train)",
    ]


def test_a_finding_without_reasons_speaks_for_itself():
    found = anomalies(hour=info(short="Column dropped", description="Column is completely missing"))
    assert errors({"eval": found}) == ["column 'hour': Column dropped: Column is completely missing (eval)"]


def test_a_reason_without_description_ends_without_a_colon():
    assert errors({"eval": anomalies(hour=info(("Column dropped", "")))}) == ["column 'hour': Column dropped (eval)"]


def test_the_data_as_a_whole():
    found = anomalies(
        dataset=info(("Low num examples in dataset.", "The dataset has 2 examples")), hour=info(("a", "1"))
    )
    assert errors({"train": found}) == [
        "column 'hour': a: 1 (train)",
        "the data as a whole: Low num examples in dataset.: The dataset has 2 examples (train)",
    ]


def statistics(**non_missing):
    found = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = found.datasets.add(num_examples=10)
    for name, count in non_missing.items():
        feature = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
        feature.path.step.append(name)
        feature.string_stats.common_stats.num_non_missing = count
    return found


def test_columns_without_a_value_in_any_split_are_absent():
    by_split = {"train": statistics(some=5, none=0, late=0), "eval": statistics(late=1)}
    assert absent(by_split, ["some", "late"]) == {}
    assert absent(by_split, ["none", "gone"]) == {
        "none": "column 'none': no row has a value",
        "gone": "column 'gone': no row has a value",
    }
