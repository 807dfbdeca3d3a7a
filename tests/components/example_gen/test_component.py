"""ExampleGen's executor on small files, in process."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.example_gen import source
from components.example_gen.component import ExampleGen, Executor, rows_property
from components.example_gen.layout import Layout
from pipeline.profiles.beam import arguments
from pipeline.profiles.find import local
from schema.data import Data
from schema.errors import DataError
from schema.names import SPLITS

LAYOUT = Layout({"carrier": "BYTES", "distance": "FLOAT", "hour": "INT"}, labels=("carrier",))


def generate(folder, data, file_format="parquet", layout=LAYOUT):
    """Runs the executor; returns the examples by split, as dicts, and the artifact."""
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    in_process = arguments(local().all.beam)
    executor = Executor(BaseBeamExecutor.Context(beam_pipeline_args=in_process, unique_id="1"))
    component = ExampleGen(data=str(data), config=Data(format=file_format), layout=layout, data_fingerprint="")
    executor.Do({}, {"examples": [examples]}, component.exec_properties)
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


def test_what_a_killed_worker_has_left_is_no_row(table, tmp_path):
    pq.write_table(table, tmp_path / "rows.parquet")
    left = tmp_path / "examples" / "Split-train" / ".data_tfrecord-00000.gz-0ther"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a row")
    examples, _ = generate(tmp_path / "examples", tmp_path / "rows.parquet")
    assert sum(map(len, examples.values())) == 400


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


@pytest.mark.parametrize("other", [[], ["hour"]], ids=["alone", "beside a file that is right"])
def test_a_file_without_any_declared_column(table, tmp_path, other):
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"secret": [1, 2]}), tmp_path / "data" / "a.parquet")
    pq.write_table(table.select(other or ["hour"]), tmp_path / "data" / ("b.parquet" if other else "_b.parquet"))
    with pytest.raises(
        DataError, match=r"a\.parquet: no row with a column of schema\.pbtxt, .*: carrier, distance, hour"
    ):
        generate(tmp_path / "examples", tmp_path / "data")


def test_undeclared_columns_are_left_out_and_absent_ones_stay_absent(table, tmp_path):
    table = table.drop(["distance"]).append_column("secret", pa.array(["x"] * 400))
    pq.write_table(table, tmp_path / "rows.parquet")
    examples, _ = generate(tmp_path / "examples", tmp_path / "rows.parquet")
    names = {name for row in examples["train"] for name in tf.train.Example.FromString(row).features.feature}
    assert names == {"carrier", "hour"}


TAGS = [["wet", "new"], [], None, ["old"]]
CELLS = ["wet|new", "|", None, "old"]
MEDIA = Layout(
    {"photo": "BYTES", "tags": "BYTES", "hour": "INT"},
    labels=("tags",),
    separators={"tags": "|"},
    images={"photo": "path"},
)


@pytest.fixture
def media(tmp_path):
    """Two hundred rows of tags, and paths of three images."""
    (tmp_path / "images").mkdir()
    for i in range(3):
        (tmp_path / "images" / f"{i}.png").write_bytes(picture(i))
    hours = list(range(200))
    paths = pa.array([None if i % 10 == 0 else f"images/{i % 3}.png" for i in hours])
    return pa.table({"hour": hours, "tags": pa.array([TAGS[i % 4] for i in hours]), "photo": paths})


def picture(shade):
    return tf.io.encode_png(np.full((2, 2, 3), shade, np.uint8)).numpy()


def by_hour(examples):
    """Returns (split, tags or None, image or None) by hour."""
    found = {}
    for name, rows in examples.items():
        for row in rows:
            feature = tf.train.Example.FromString(row).features.feature
            # The encoder writes a null as a feature of no kind, which to every reader is an absent one.
            values = [list(feature[key].bytes_list.value) or None for key in ("tags", "photo")]
            found[feature["hour"].int64_list.value[0]] = (name, *values)
    return found


def test_tags_and_images_in_parquet_and_csv(media, tmp_path):
    pq.write_table(media, tmp_path / "rows.parquet", row_group_size=50)
    cells = media.set_column(1, "tags", pa.array([CELLS[i % 4] for i in range(200)]))
    pa_csv.write_csv(cells, tmp_path / "rows.csv")
    found = by_hour(generate(tmp_path / "a", tmp_path / "rows.parquet", layout=MEDIA)[0])
    assert found == by_hour(generate(tmp_path / "b", tmp_path / "rows.csv", "csv", layout=MEDIA)[0])
    tags = [[b"wet", b"new"], [b""], None, [b"old"]]
    assert all(found[hour][1] == tags[hour % 4] for hour in range(200))
    assert all(found[hour][2] == (None if hour % 10 == 0 else [picture(hour % 3)]) for hour in range(200))


def test_tags_move_no_row_and_images_count_by_what_they_show(media, tmp_path):
    pq.write_table(media, tmp_path / "rows.parquet")
    before = by_hour(generate(tmp_path / "a", tmp_path / "rows.parquet", layout=MEDIA)[0])
    moved = media.set_column(1, "tags", pa.array([["other"]] * 200))
    paths = [None if path is None else str(tmp_path / path) for path in media["photo"].to_pylist()]
    pq.write_table(moved.set_column(2, "photo", pa.array(paths)), tmp_path / "rows.parquet")
    after = by_hour(generate(tmp_path / "b", tmp_path / "rows.parquet", layout=MEDIA)[0])
    assert [before[hour][0] for hour in range(200)] == [after[hour][0] for hour in range(200)]


def test_a_wrong_image_is_named_by_its_row_in_the_whole_file(media, tmp_path, monkeypatch):
    (tmp_path / "images" / "2.png").write_bytes(b"no image")
    pq.write_table(media.slice(1), tmp_path / "rows.parquet", row_group_size=50)
    monkeypatch.setattr(source, "ROWS_PER_SHARD", 50)
    monkeypatch.setattr(source, "ROWS_PER_IMAGE_BATCH", 7)
    wrong = {row for row in range(1, 200) if row % 3 == 2 and row % 10}  # Row 1 is hour 1.
    with pytest.raises(DataError) as error:
        generate(tmp_path / "a", tmp_path / "rows.parquet", layout=MEDIA)
    row = int(str(error.value).partition(": row ")[2].partition(",")[0])
    assert row in wrong
    assert f"column 'photo': {tmp_path}/images/2.png is none of PNG" in str(error.value)


def test_the_cache_knows_separators_and_where_images_come_from():
    layouts = [MEDIA, Layout(MEDIA.types, MEDIA.labels, {"tags": ";"}, MEDIA.images)]
    layouts.append(Layout(MEDIA.types, MEDIA.labels, MEDIA.separators, {"photo": "bytes"}))
    made = [
        ExampleGen(data="", config=Data(), layout=layout, data_fingerprint="").exec_properties for layout in layouts
    ]
    assert len({properties["layout"] for properties in made}) == 3
