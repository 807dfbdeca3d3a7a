"""ExampleGen's executor on small files, in process."""

import json

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.example_gen import source
from components.example_gen.component import Executor, rows_property
from pipeline.config import RunConfig
from schema.errors import DataError
from schema.names import SPLITS
from schema.task import Data

TYPES = {"carrier": "BYTES", "distance": "FLOAT", "hour": "INT"}


def generate(folder, data, file_format="parquet"):
    """Runs the executor; returns the examples by split, as dicts, and the artifact."""
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    arguments = RunConfig(data=data, output=folder, run_id="test").beam_arguments
    executor = Executor(BaseBeamExecutor.Context(beam_pipeline_args=arguments, unique_id="1"))
    properties = {
        "data": str(data),
        "config": Data(format=file_format).model_dump_json(),
        "column_types": json.dumps(TYPES),
        "labels": json.dumps(["carrier"]),
        "fingerprint": "",
    }
    executor.Do({}, {"examples": [examples]}, properties)
    return {split: read(artifact_utils.get_split_uri([examples], split)) for split in SPLITS}, examples


def read(folder):
    files = sorted(tf.io.gfile.glob(f"{folder}/*"))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
    return sorted(tf.train.Example.FromString(record).SerializeToString(deterministic=True) for record in records)


@pytest.fixture
def table():
    rows = 400
    carriers = pa.array([None if i % 50 == 0 else ["9E", "AA", "UA"][i % 3] for i in range(rows)])
    return pa.table({"carrier": carriers, "distance": [i + 0.5 for i in range(rows)], "hour": list(range(rows))})


def test_every_row_is_in_one_split(table, tmp_path):
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=100)
    examples, artifact = generate(tmp_path / "examples", tmp_path / "rows.parquet")
    assert artifact_utils.decode_split_names(artifact.split_names) == list(SPLITS)
    counts = {split: artifact.get_int_custom_property(rows_property(split)) for split in SPLITS}
    assert counts == {split: len(rows) for split, rows in examples.items()}
    assert sum(map(len, examples.values())) == 400
    assert len(examples["train"]) > len(examples["eval"]) > 0
    hours = [hour for rows in examples.values() for hour in map(hour_of, rows)]
    assert sorted(hours) == list(range(400))


def hour_of(serialized):
    return tf.train.Example.FromString(serialized).features.feature["hour"].int64_list.value[0]


def test_csv_and_parquet_give_the_same_examples(table, tmp_path):
    pq.write_table(table, tmp_path / "rows.parquet")
    pa_csv.write_csv(table, tmp_path / "rows.csv")
    from_parquet, _ = generate(tmp_path / "a", tmp_path / "rows.parquet")
    from_csv, _ = generate(tmp_path / "b", tmp_path / "rows.csv", "csv")
    assert from_parquet == from_csv


def test_rows_keep_their_split_when_files_are_cut_differently_and_rows_are_added(table, tmp_path, monkeypatch):
    pq.write_table(table.slice(0, 300), tmp_path / "rows.parquet")
    before, _ = generate(tmp_path / "a", tmp_path / "rows.parquet")
    (tmp_path / "more").mkdir()
    pq.write_table(table.slice(300), tmp_path / "more" / "0.parquet")
    pq.write_table(table.slice(0, 300), tmp_path / "more" / "1.parquet", row_group_size=70)
    monkeypatch.setattr(source, "ROWS_PER_SHARD", 100)
    after, _ = generate(tmp_path / "b", tmp_path / "more")
    for split in SPLITS:
        assert set(before[split]) <= set(after[split])


def test_an_empty_split_is_an_error(table, tmp_path):
    pq.write_table(table.slice(0, 3), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"no row of 3 falls into .*give more rows"):
        generate(tmp_path / "examples", tmp_path / "rows.parquet")
    assert not [path for path in (tmp_path / "examples").rglob("*") if ".gz-" in path.name]


def test_undeclared_columns_are_left_out_and_absent_ones_stay_absent(table, tmp_path):
    table = table.drop(["distance"]).append_column("secret", pa.array(["x"] * 400))
    pq.write_table(table, tmp_path / "rows.parquet")
    examples, _ = generate(tmp_path / "examples", tmp_path / "rows.parquet")
    names = {name for row in examples["train"] for name in tf.train.Example.FromString(row).features.feature}
    assert names == {"carrier", "hour"}
