"""Image columns: bytes and paths, and what is said of images that cannot be read."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.example_gen import images
from components.example_gen.columns import to_features
from schema.errors import DataError


def encode(kind="PNG", shade=7):
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 5, 3), shade, np.uint8)).save(stream, kind)
    return stream.getvalue()


def read(values, source, file="/data/rows.parquet", first_row=1):
    """Returns the image column of rows as ExampleGen makes it."""
    batch = pa.RecordBatch.from_arrays([pa.array(values), pa.array(range(len(values)))], names=["photo", "year"])
    rows = to_features(batch, {"photo": "BYTES", "year": "INT"}, str(file), empty_is_missing={"photo"})
    found = images.read(rows, {"photo": source}, str(file), first_row)
    assert found.column(1) == rows.column(1)
    return found.column(0).to_pylist()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(encode("PNG"))
    (tmp_path / "b.jpg").write_bytes(encode("JPEG"))
    return tmp_path


class TestBytes:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
    def test_every_kind_stays_as_it_is(self, kind):
        assert read([encode(kind), None, b""], "bytes") == [[encode(kind)], None, None]

    @pytest.mark.parametrize("wrong", [b"no image", encode("TIFF"), encode()[:40], b"\x89PNG\r\n\x1a\n"])
    def test_one_that_cannot_be_decoded_is_named_by_file_row_and_column(self, wrong):
        with pytest.raises(DataError) as error:
            read([encode(), None, wrong], "bytes", first_row=11)
        assert str(error.value).startswith("/data/rows.parquet: row 13, column 'photo': the image is ")
        assert str(error.value).endswith("; give a whole PNG, JPEG, GIF or BMP, or leave the value out")

    def test_a_column_that_holds_no_bytes_is_left_for_the_validator(self):
        assert read([1, 2], "bytes") == [[1], [2]]
        assert read([1, 2], "path") == [[1], [2]]


class TestPaths:
    def test_they_count_from_the_folder_of_the_table_or_are_absolute(self, folder):
        (folder / "day").mkdir()
        values = ["../images/a.png", None, str(folder / "b.jpg"), ""]
        expected = [[encode("PNG")], None, [encode("JPEG")], None]
        assert read(values, "path", folder / "day" / "rows.csv") == expected

    def test_a_missing_file(self, folder):
        with pytest.raises(DataError) as error:
            read(["b.jpg", "c.jpg"], "path", folder / "rows.csv")
        expected = f"row 2, column 'photo': no file {folder}/c.jpg; paths are absolute or count from the table's folder"
        assert str(error.value) == f"{folder}/rows.csv: {expected}"

    def test_a_missing_file_of_a_name_that_is_not_utf8(self, folder):
        with pytest.raises(DataError) as error:
            read([b"\xff.jpg"], "path", folder / "rows.csv")
        assert f"no file {folder}/\\xff.jpg; " in str(error.value)

    @pytest.mark.parametrize(("path", "reason"), [("images", "Is a directory"), ("a\0b", "null byte")])
    def test_what_is_no_readable_file(self, folder, path, reason):
        with pytest.raises(DataError, match=f"row 1, column 'photo': .* cannot be read .*{reason}"):
            read([path], "path", folder / "rows.csv")

    def test_a_file_that_is_no_image(self, folder):
        (folder / "c.png").write_text("<html>")
        with pytest.raises(DataError, match=rf"row 1, column 'photo': {folder}/c\.png is .*; give a whole PNG"):
            read(["c.png"], "path", folder / "rows.csv")


class TestReferenced:
    def tables(self, folder):
        table = pa.table({"photo": ["images/a.png", None, "gone.png", "images/a.png"], "other": ["b.jpg"] * 4})
        pq.write_table(table, folder / "rows.parquet")
        pa_csv.write_csv(table, folder / "rows.csv")
        return folder

    @pytest.mark.parametrize("file_format", ["parquet", "csv"])
    def test_files_that_are_there_once_each(self, folder, file_format):
        file = self.tables(folder) / f"rows.{file_format}"
        assert images.referenced([file], file_format, ["photo"]) == [folder / "images" / "a.png"]
        assert images.referenced([file], file_format, ["other", "photo"]) == [
            folder / "b.jpg",
            folder / "images" / "a.png",
        ]

    def test_a_path_that_no_file_can_have(self, folder):
        pq.write_table(pa.table({"photo": ["x" * 400, "\0", "images/a.png"]}), folder / "rows.parquet")
        assert images.referenced([folder / "rows.parquet"], "parquet", ["photo"]) == [folder / "images" / "a.png"]

    def test_without_path_columns_nothing_is_read(self):
        assert images.referenced([Path("nowhere.parquet")], "parquet", []) == []

    def test_a_column_that_is_not_there_or_holds_no_paths(self, folder):
        pq.write_table(pa.table({"photo": [1, 2]}), folder / "rows.parquet")
        assert images.referenced([folder / "rows.parquet"], "parquet", ["photo", "scan"]) == []
