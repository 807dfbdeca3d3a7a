"""The gate itself: it stops on anomalies, and on examples that are not of the data as they are now."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx.types import standard_artifacts

from components.data_gate.component import Executor
from components.example_gen import state
from schema.errors import AnomaliesFound, DataError


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    pq.write_table(pa.table({"amount": [1.0]}), folder / "rows.parquet")
    return folder


@pytest.fixture
def gate(tmp_path):
    """Runs the executor on examples of which a fingerprint is known."""

    def run(known="", anomaly=False, spans=(), **given):
        examples, anomalies, statistics = (
            kind()
            for kind in (
                standard_artifacts.Examples,
                standard_artifacts.ExampleAnomalies,
                standard_artifacts.ExampleStatistics,
            )
        )
        for name, artifact in (("examples", examples), ("anomalies", anomalies), ("statistics", statistics)):
            artifact.uri = str(tmp_path / name)
            artifact.split_names = '["train"]'
            (tmp_path / name / "Split-train").mkdir(parents=True, exist_ok=True)
        examples.set_string_custom_property(state.DATA_PROPERTY, known)
        if spans:
            window = [{"label": s.name, "number": 1, "folder": str(s), "key": "", "rows": {"train": 1}} for s in spans]
            (tmp_path / "examples" / "window.json").write_text(json.dumps(window))
        found = anomalies_pb2.Anomalies()
        if anomaly:
            found.anomaly_info["amount"].severity = anomalies_pb2.AnomalyInfo.ERROR
        (tmp_path / "anomalies" / "Split-train" / "SchemaDiff.pb").write_bytes(found.SerializeToString())
        counts = statistics_pb2.DatasetFeatureStatisticsList()
        counts.datasets.add(num_examples=1)
        (tmp_path / "statistics" / "Split-train" / "FeatureStats.pb").write_bytes(counts.SerializeToString())
        inputs = {"examples": [examples], "anomalies": [anomalies], "statistics": [statistics]}
        properties = {"columns": "[]", "sliced": "[]", "data": "", "run_id": "", "format": "parquet"}
        properties["path_columns"] = "[]"
        Executor().Do(inputs, {}, properties | given)

    return run


def test_an_anomaly_stops_the_run(gate):
    gate()
    with pytest.raises(AnomaliesFound, match="column 'amount'"):
        gate(anomaly=True)


def test_examples_that_were_reused_though_the_data_changed_stop_the_run(gate, data):
    known = state.fingerprint([data], "parquet", ())
    gate(known, data=str(data))
    pq.write_table(pa.table({"amount": [1.0, 2.0]}), data / "more.parquet")
    with pytest.raises(DataError, match=r"are not those that were read.*data_fingerprint"):
        gate(known, data=str(data))
    gate(known)  # On this machine the graph itself knows the data.


def test_what_this_run_has_read_itself_is_not_looked_at(gate, data, tmp_path):
    # A pod may see the same files with other times: a copy for each, a mount that is a link.
    gate("of another pod", data=str(data), run_id=tmp_path.name)
    with pytest.raises(DataError, match="by the earlier run"):
        gate("of another pod", data=str(data), run_id="another")


def test_only_the_spans_that_were_read_count(gate, data):
    known = state.fingerprint([data], "parquet", ())
    gate(known, data=str(data.parent), spans=[data])
    with pytest.raises(DataError, match="are not those that were read"):
        gate("other", data=str(data.parent), spans=[data])


def test_a_gate_that_does_not_see_the_data_lets_them_pass(gate, tmp_path):
    gate("known", data=str(tmp_path / "elsewhere"))
