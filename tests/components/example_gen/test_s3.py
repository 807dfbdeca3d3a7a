"""Rows in an object store: a server that speaks S3's protocol, and the same examples as from files."""

import io

import httpx
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import s3fs
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.data_gate.component import _check_unchanged
from components.example_gen import images, source
from components.example_gen.component import ExampleGen, Executor
from components.example_gen.layout import Layout
from components.example_gen.places import place
from components.example_gen.spans import find_spans
from components.example_gen.state import DATA_PROPERTY
from components.example_gen.window import load_window
from pipeline.profiles.beam import arguments
from pipeline.profiles.find import local
from pipeline.quiet import root_cause
from schema.data import Data
from schema.errors import DataError
from schema.names import SPLITS

LAYOUT = Layout({"carrier": "BYTES", "hour": "INT"}, labels=("carrier",))
PATTERN = "date={YYYY}-{MM}-{DD}/v{VERSION}"
PNG = tf.io.encode_png(tf.zeros([1, 1, 3], tf.uint8)).numpy()


@pytest.fixture
def put(s3, bucket):
    """Writes an object, and returns the URI of the bucket's folder."""

    def write(name, content, folder="rows"):
        s3.pipe_file(f"{bucket}/{folder}/{name}", content)
        return f"{bucket}/{folder}"

    return write


@pytest.fixture
def requests(monkeypatch):
    """Operations and ranges that the store was asked for."""
    import aiobotocore.endpoint

    seen, send = [], aiobotocore.endpoint.AioEndpoint._send_request

    async def spy(self, request, operation):
        seen.append((operation.name, request["headers"].get("Range")))
        return await send(self, request, operation)

    monkeypatch.setattr(aiobotocore.endpoint.AioEndpoint, "_send_request", spy)
    return seen


def table(rows=400, start=0):
    return pa.table({"carrier": [["9E", "AA"][i % 2] for i in range(rows)], "hour": range(start, start + rows)})


def parquet(rows, **options):
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, **options)
    return buffer.getvalue()


def csv(rows):
    buffer = io.BytesIO()
    pa_csv.write_csv(rows, buffer)
    return buffer.getvalue()


def generate(output, data, layout=LAYOUT, **options):
    """Runs the executor as a container does: what is to be read is found by itself."""
    examples = standard_artifacts.Examples()
    examples.uri = str(output)
    executor = Executor(BaseBeamExecutor.Context(arguments(local().all.beam), unique_id="1"))
    executor._context._tmp_dir = str(output / "tmp")
    component = ExampleGen(
        data=data, config=Data(**options), layout=layout, data_fingerprint="", span="latest", spans=2
    )
    executor.Do({}, {"examples": [examples]}, component.exec_properties)
    return {split: read(artifact_utils.get_split_uri([examples], split)) for split in SPLITS}, examples


def read(folder):
    records = tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(f"{folder}/*")), compression_type="GZIP")
    return sorted(
        tf.train.Example.FromString(record).SerializeToString(deterministic=True)
        for record in records.as_numpy_iterator()
    )


@pytest.mark.parametrize("whole", [source.WHOLE_CSV_BYTES, 10])
def test_the_same_examples_as_from_files(put, tmp_path, monkeypatch, whole):
    monkeypatch.setattr(source, "WHOLE_CSV_BYTES", whole)
    contents = {"parquet": parquet(table(), row_group_size=90), "csv": csv(table())}
    for file_format, content in contents.items():
        (tmp_path / f"rows.{file_format}").write_bytes(content)
        here, _ = generate(tmp_path / f"{file_format}-here", str(tmp_path / f"rows.{file_format}"), format=file_format)
        uri = put(f"deep/rows.{file_format}", content, file_format)
        there, examples = generate(tmp_path / f"{file_format}-there", uri, format=file_format)
        assert there == here
        assert sum(map(len, there.values())) == 400
        assert examples.get_string_custom_property(DATA_PROPERTY)


def test_only_what_is_wanted_is_read(put, requests):
    wide = table(60_000).append_column("noise", pa.array([str(i) * 9 for i in range(60_000)]))
    uri = put("rows.parquet", parquet(wide, row_group_size=20_000, compression="none"))
    [shard] = source.find_shards(source.find_files(place(uri), "parquet"), "parquet")
    assert [name for name, _ in requests if name.startswith("List")] == ["ListObjectsV2"]
    requests.clear()
    assert sum(batch.num_rows for batch in source.read_shard(shard, LAYOUT.types)) == 60_000
    ranges = [tuple(map(int, asked.removeprefix("bytes=").split("-"))) for name, asked in requests if asked]
    assert len(ranges) == 1 + len(shard.row_groups)  # The footer, and the columns of each row group.
    assert sum(last - first for first, last in ranges) < 800_000 < len(parquet(wide, compression="none")) / 4


def test_the_fingerprint_is_of_what_the_store_says(put, requests):
    uri = put("a.parquet", b"1")
    put("b.parquet", b"2")
    requests.clear()
    before = source.fingerprint(source.find_files(place(uri), "parquet"))
    assert requests == [("ListObjectsV2", None)]
    put("a.parquet", b"1")
    assert source.fingerprint(source.find_files(place(uri), "parquet")) == before
    put("a.parquet", b"3")
    assert source.fingerprint(source.find_files(place(uri), "parquet")) != before


def test_spans(put, tmp_path, requests):
    for day in (1, 2, 3, 4):
        uri = put(f"date=2013-01-{day:02d}/v1/rows.parquet", parquet(table(40, 100 * day)))
    put("date=2013-01-03/v2/rows.parquet", parquet(table(50, 900)))
    for folder in ("date=2013-01-01/v1", "date=2013-01-02/v1", "date=2013-01-03/v2", "date=2013-01-05/v1"):
        put(f"{folder}/_SUCCESS", b"")
    requests.clear()
    found = find_spans(place(uri), PATTERN, "parquet", "_SUCCESS")
    assert requests == [("ListObjectsV2", None)]
    assert [(span.label[-2:], span.version) for span in found] == [("01", 1), ("02", 1), ("03", 2)]
    assert found[-1].folder == f"{uri}/date=2013-01-03/v2"

    examples, artifact = generate(tmp_path, uri, spans=PATTERN, marker="_SUCCESS")
    assert [span["folder"] for span in load_window(artifact)] == [span.folder for span in found[1:]]
    assert sum(map(len, examples.values())) == 40 + 50

    given = {"data": uri, "format": "parquet", "path_columns": "[]"}
    _check_unchanged(artifact, given)
    put("date=2013-01-03/v2/more.parquet", parquet(table(1)))
    with pytest.raises(DataError, match="the data are not those that were read"):
        _check_unchanged(artifact, given)


def test_images_lie_beside_their_table(put, tmp_path, requests):
    layout = Layout({"photo": "BYTES", "hour": "INT"}, images={"photo": "path"})
    names = [f"{i % 7}.png" for i in range(300)]
    uri = put("rows.parquet", parquet(pa.table({"photo": [f"../photos/{name}" for name in names], "hour": range(300)})))
    for name in set(names):
        put(name, PNG, "photos")
    files = source.find_files(place(uri), "parquet")
    requests.clear()
    assert {str(file) for file in images.referenced(files, "parquet", ["photo"])} == {
        f"{uri.removesuffix('rows')}photos/{name}" for name in names
    }
    assert [name for name, _ in requests].count("ListObjectsV2") == 1
    examples, _ = generate(tmp_path / "a", uri, layout)
    photos = {
        tf.train.Example.FromString(row).features.feature["photo"].bytes_list.value[0] for row in examples["test"]
    }
    assert photos == {PNG}

    put("rows.parquet", parquet(pa.table({"photo": ["../photos/none.png"], "hour": [1]})))
    with pytest.raises(Exception, match="row 1, column 'photo': no file s3://") as failed:
        generate(tmp_path / "b", uri, layout)
    assert isinstance(root_cause(failed.value), DataError)


class TestRefusals:
    @pytest.fixture
    def forget(self, monkeypatch, tmp_path, s3):
        """Takes the credentials away."""

        def run():
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                monkeypatch.delenv(name)
            monkeypatch.setenv("HOME", str(tmp_path))
            type(s3).clear_instance_cache()

        yield run
        type(s3).clear_instance_cache()

    @pytest.fixture
    def refused(self, put, s3):
        """Returns the sentence about rows that the store gives no more."""
        uri = put("rows.parquet", parquet(table(), row_group_size=100))
        [shard] = source.find_shards(source.find_files(place(uri), "parquet"), "parquet")

        def sentences():
            type(s3).clear_instance_cache()
            with pytest.raises(DataError) as of_folder:
                source.find_files(place(uri), "parquet")
            with pytest.raises(DataError) as of_file:
                list(source.read_shard(shard, LAYOUT.types))
            found = [str(of_folder.value), str(of_file.value)]
            for sentence, where in zip(found, (uri, shard.file), strict=True):
                assert sentence.startswith(f"{where}: the store refused, or did not answer (")
                assert "\n" not in sentence
                assert "secret" not in sentence
            return found

        return sentences

    def test_no_bucket(self, bucket):
        with pytest.raises(DataError, match=r"s3://none-\S+: the store refused.*The specified bucket does not exist"):
            source.find_files(place(f"s3://none-{bucket[5:]}"), "parquet")

    def test_nothing_there(self, bucket):
        with pytest.raises(DataError, match=r"s3://\S+/none: no such file or folder; .* parameter data"):
            source.find_files(place(f"{bucket}/none"), "parquet")

    def test_no_credentials(self, refused, forget):
        forget()
        assert all("Unable to locate credentials" in sentence for sentence in refused())

    def test_wrong_credentials(self, refused, s3_server):
        def give_up_after(actions):
            httpx.post(f"{s3_server}/moto-api/reset-auth", content=actions).raise_for_status()

        give_up_after(b"0")
        try:
            found = refused()
        finally:
            give_up_after(b"inf")
            s3fs.S3FileSystem.clear_instance_cache()
        assert "The AWS Access Key Id you provided does not exist" in found[0]
        assert "Forbidden" in found[1]

    def test_only_ingestion_need_have_credentials(self, put, forget, tmp_path):
        uri = put("rows.parquet", parquet(table()))
        _, examples = generate(tmp_path, uri)
        put("more.parquet", parquet(table()))
        forget()
        _check_unchanged(examples, {"data": uri, "format": "parquet", "path_columns": "[]"})
