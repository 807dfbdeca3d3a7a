"""Data files: which there are, what is said of those that cannot be read, and that every row is read once."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.example_gen import source
from components.example_gen.source import Shard, find_files, find_shards, fingerprint, read_shard
from schema.errors import DataError

TYPES = {"carrier": "BYTES", "hour": "INT", "distance": "FLOAT"}


def rows_of(shards, column_types=TYPES):
    return [row for shard in shards for batch in read_shard(shard, column_types) for row in batch.to_pylist()]


def write_parquet(path: Path, rows: int = 10, row_group_size: int = 4, start: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    hours = list(range(start, start + rows))
    table = pa.table({"hour": pa.array(hours, pa.int64()), "carrier": pa.array([f"c{h}" for h in hours], pa.string())})
    pq.write_table(table, path, row_group_size=row_group_size)
    return path


@pytest.fixture
def csv(tmp_path):
    def read(text):
        file = tmp_path / "rows.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return rows_of(find_shards([file], "csv"))

    return read


class TestFindFiles:
    def test_a_file_is_taken_whatever_its_name(self, tmp_path):
        file = write_parquet(tmp_path / "rows.dat")
        assert (file,) == find_files(file, "parquet")

    def test_a_folder_is_searched_through_in_order(self, tmp_path):
        files = [write_parquet(tmp_path / name) for name in ("a.parquet", "day/b.parquet", "day/deep/c.parquet")]
        assert tuple(files) == find_files(tmp_path, "parquet")

    def test_hidden_files_and_other_formats_are_left_out(self, tmp_path):
        hidden = (".a.parquet", "_a.parquet", ".tmp/a.parquet", "_temporary/0/a.parquet", "_SUCCESS", "a.csv")
        for name in hidden:
            write_parquet(tmp_path / name)
        file = write_parquet(tmp_path / "a.parquet")
        assert (file,) == find_files(tmp_path, "parquet")

    def test_only_what_lies_below_the_folder_can_hide_it(self, tmp_path):
        file = write_parquet(tmp_path / "_data" / ".v1" / "a.parquet")
        assert (file,) == find_files(tmp_path / "_data" / ".v1", "parquet")

    def test_a_folder_named_like_a_file_is_a_folder(self, tmp_path):
        file = write_parquet(tmp_path / "day.parquet" / "part-0.parquet")
        assert (file,) == find_files(tmp_path, "parquet")

    def test_missing(self, tmp_path):
        with pytest.raises(DataError) as error:
            find_files(tmp_path / "none", "parquet")
        assert str(error.value).startswith(f"{tmp_path}/none: no such file or folder; give the data's path with --data")

    def test_empty_folder(self, tmp_path):
        with pytest.raises(DataError) as error:
            find_files(tmp_path, "csv")
        expected = "no .csv file in this folder, and the task says data.format: csv"
        assert f"{tmp_path}: {expected}" == str(error.value)


class TestFindShards:
    @pytest.mark.parametrize(
        ("limit", "expected"),
        [
            (100, [((0, 1, 2), 1)]),
            (8, [((0, 1), 1), ((2,), 9)]),
            (7, [((0,), 1), ((1, 2), 5)]),
            (6, [((0,), 1), ((1,), 5), ((2,), 9)]),
            (1, [((0,), 1), ((1,), 5), ((2,), 9)]),  # A row group is never cut, however large.
        ],
    )
    def test_row_groups_are_put_together_up_to_the_limit_and_know_their_first_row(
        self, tmp_path, monkeypatch, limit, expected
    ):
        file = write_parquet(tmp_path / "a.parquet", rows=11, row_group_size=4)
        monkeypatch.setattr(source, "ROWS_PER_SHARD", limit)
        assert [Shard(str(file), groups, first) for groups, first in expected] == find_shards([file], "parquet")

    def test_every_row_is_read_once(self, tmp_path, monkeypatch):
        files = [write_parquet(tmp_path / f"{i}.parquet", rows=11, start=11 * i) for i in range(3)]
        monkeypatch.setattr(source, "ROWS_PER_SHARD", 8)
        monkeypatch.setattr(source, "ROWS_PER_BATCH", 3)
        found = rows_of(find_shards(files, "parquet"))
        assert [{"hour": hour, "carrier": f"c{hour}"} for hour in range(33)] == found

    def test_a_file_without_rows_beside_one_with_rows(self, tmp_path):
        files = [write_parquet(tmp_path / "a.parquet", rows=0), write_parquet(tmp_path / "b.parquet", rows=2)]
        assert [str(files[1])] == [shard.file for shard in find_shards(files, "parquet")]

    def test_no_rows(self, tmp_path):
        file = write_parquet(tmp_path / "a.parquet", rows=0)
        with pytest.raises(DataError) as error:
            find_shards([file], "parquet")
        assert f"{file}: no rows" == str(error.value)

    def test_no_rows_in_several_files(self, tmp_path):
        files = [write_parquet(tmp_path / f"{i}.parquet", rows=0) for i in range(3)]
        with pytest.raises(DataError) as error:
            find_shards(files, "parquet")
        assert f"{files[0]} and 2 more: no rows" == str(error.value)

    @pytest.mark.parametrize(
        "contents",
        [b"", b"carrier,hour\nAA,1\n", b"PAR1", b"PAR1" + b"\0" * 50 + b"PAR1"],
        ids=["empty", "csv", "magic", "zeros"],
    )
    def test_not_parquet(self, tmp_path, contents):
        file = tmp_path / "a.parquet"
        file.write_bytes(contents)
        with pytest.raises(DataError) as error:
            find_shards([file], "parquet")
        assert str(error.value).startswith(f"{file}: not a readable Parquet file (")
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("file_format", ["parquet", "csv"])
    def test_a_file_whose_name_is_not_utf8(self, tmp_path, file_format):
        file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
        file.write_bytes(write_parquet(tmp_path / "a").read_bytes() if file_format == "parquet" else b"hour\n1\n")
        with pytest.raises(DataError, match="can't encode character"):
            rows_of(find_shards([file], file_format))

    def test_a_column_whose_name_is_not_utf8(self, tmp_path):
        file = write_parquet(tmp_path / "a.parquet")
        file.write_bytes(file.read_bytes().replace(b"hour", b"h\xffur"))
        with pytest.raises(DataError, match=r"a\.parquet: not a readable Parquet file \(.*can't decode byte 0xff"):
            find_shards([file], "parquet")

    def test_truncated(self, tmp_path):
        file = write_parquet(tmp_path / "a.parquet", rows=1000)
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(DataError, match="not a readable Parquet file"):
            find_shards([file], "parquet")

    @pytest.mark.parametrize("text", ["", "\n", "carrier,hour\n", "carrier,hour", "carrier,hour\n\n \n"])
    def test_csv_without_rows(self, csv, text):
        with pytest.raises(DataError, match=r"rows\.csv: no rows"):
            csv(text)


class TestReadShard:
    def test_undeclared_columns_are_left_out(self, tmp_path):
        shards = find_shards([write_parquet(tmp_path / "a.parquet", rows=1)], "parquet")
        assert rows_of(shards, {"hour": "INT", "not there": "FLOAT"}) == [{"hour": 0}]

    @pytest.mark.parametrize("file_format", ["parquet", "csv"])
    def test_rows_with_images_come_in_smaller_batches(self, tmp_path, monkeypatch, file_format):
        monkeypatch.setattr(source, "ROWS_PER_IMAGE_BATCH", 3)
        file = write_parquet(tmp_path / "a.parquet", rows=7, row_group_size=7)
        if file_format == "csv":
            file = tmp_path / "a.csv"
            file.write_text("hour\n" + "1\n" * 7)
        [shard] = find_shards([file], file_format)
        assert [batch.num_rows for batch in read_shard(shard, TYPES)] == [7]
        assert [batch.num_rows for batch in read_shard(shard, TYPES, has_images=True)] == [3, 3, 1]

    def test_a_file_that_was_damaged_meanwhile(self, tmp_path):
        file = write_parquet(tmp_path / "a.parquet", rows=1000, row_group_size=1000)
        shards = find_shards([file], "parquet")
        contents = bytearray(file.read_bytes())
        contents[4:200] = b"\xff" * 196
        file.write_bytes(contents)
        with pytest.raises(DataError, match=r"a\.parquet: cannot be read \("):
            rows_of(shards)

    def test_a_file_that_went_away_meanwhile(self, tmp_path):
        shards = find_shards([write_parquet(tmp_path / "a.parquet")], "parquet")
        (tmp_path / "a.parquet").unlink()
        with pytest.raises(DataError, match=r"a\.parquet: cannot be read \("):
            rows_of(shards)

    def test_a_declared_column_that_stands_twice(self, tmp_path):
        table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["hour", "x", "hour"])
        pq.write_table(table, tmp_path / "a.parquet")
        shards = find_shards([tmp_path / "a.parquet"], "parquet")
        with pytest.raises(DataError, match=r"a\.parquet: column 'hour' stands twice"):
            rows_of(shards)

    def test_what_arrow_writes_and_does_not_read(self, tmp_path):
        words = pa.array([["a"], ["b"]], pa.list_(pa.dictionary(pa.int32(), pa.string())))
        pq.write_table(pa.table({"carrier": words}), tmp_path / "a.parquet", row_group_size=1)
        with pytest.raises(DataError, match=r"a\.parquet: cannot be read \(Nested data"):
            rows_of(find_shards([tmp_path / "a.parquet"], "parquet"))


class TestCsv:
    def test_text_is_never_guessed(self, csv):
        found = csv("carrier,hour\n9E,1\n007,2\n1e5,3\ntrue,4\n2013-01-31,5\n")
        assert [row["carrier"] for row in found] == ["9E", "007", "1e5", "true", "2013-01-31"]

    @pytest.mark.parametrize("cell", ["", "NA", "NaN", "nan", "null", "NULL"])
    def test_no_value(self, csv, cell):
        found = csv(f"carrier,hour,distance\n{cell},{cell},{cell}\nAA,1,2.5\n")
        assert found[0] == {"carrier": None, "hour": None, "distance": None}
        assert found[1] == {"carrier": "AA", "hour": 1, "distance": 2.5}

    def test_quoted_na_is_text(self, csv):
        assert [row["carrier"] for row in csv('carrier,hour\n"NA",1\nNA,2\n"",3\n')] == ["NA", None, ""]

    def test_quotes_commas_and_line_ends(self, csv):
        found = csv('carrier,hour\r\n"a, ""b""",1\r\nc,2')
        assert found == [{"carrier": 'a, "b"', "hour": 1}, {"carrier": "c", "hour": 2}]

    def test_byte_order_mark_and_empty_lines(self, csv):
        assert csv("\ufeffcarrier,hour\n\nä,1\n\n") == [{"carrier": "ä", "hour": 1}]

    def test_a_wrong_number_arrives_as_text_for_the_validator_to_name(self, csv):
        assert [row["hour"] for row in csv("carrier,hour\nAA,1\nAA,abc\n")] == ["1", "abc"]

    @pytest.mark.parametrize("last", ["AA,7,7.5", "AA,1.5,7.5", "AA,abc,7.5", "AA,,nan"])
    def test_a_large_file_in_blocks_holds_what_it_holds_at_once(self, csv, monkeypatch, last):
        text = "carrier,other,hour,distance\n" + "".join(f"A{i},x{i},{i},{i}.5\n" for i in range(500))
        text += last.replace(",", ",2013-01-01,", 1)
        at_once = csv(text)
        monkeypatch.setattr(source, "WHOLE_CSV_BYTES", 10)
        monkeypatch.setattr(source, "CSV_BLOCK_BYTES", 256)
        assert csv(text) == at_once
        assert len(at_once) == 501

    def test_a_large_file_is_never_in_memory_as_a_whole(self, csv, monkeypatch):
        monkeypatch.setattr(source, "WHOLE_CSV_BYTES", 10)
        monkeypatch.setattr(source.pa_csv, "read_csv", None)
        assert csv("carrier,hour\nAA,1\nAA,2\n")[1]["hour"] == 2

    def test_the_type_of_a_column_is_not_that_of_its_first_block(self, csv):
        # pyarrow reads blocks of 1 MB; the first has only whole hours and no distance.
        text = "carrier,hour,distance,padding\n" + f"AA,1,,{'x' * 1000}\n" * 2_000 + "AA,1.5,7.5,\n"
        assert csv(text)[-1:] == [{"carrier": "AA", "hour": 1.5, "distance": 7.5}]

    @pytest.mark.parametrize(
        ("contents", "fragment"),
        [
            (b"carrier,hour\nAA,1\nAA,1,2\n", "Expected 2 columns, got 3"),
            (b"carrier,hour\n\xff\xfe,1\n", "invalid UTF8"),
            (b"carrier,\xff\nAA,1\n", "can't decode byte 0xff"),
        ],
    )
    def test_unreadable(self, csv, contents, fragment):
        with pytest.raises(DataError) as error:
            csv(contents)
        assert "rows.csv: cannot be read (" in str(error.value)
        assert fragment in str(error.value)

    def test_a_declared_column_that_stands_twice(self, csv):
        with pytest.raises(DataError, match="column 'hour' stands twice"):
            csv("hour,hour\n1,2\n")


class TestFingerprint:
    def test_reading_changes_nothing(self, tmp_path):
        files = [write_parquet(tmp_path / "a.parquet")]
        before = fingerprint(files)
        rows_of(find_shards(files, "parquet"))
        assert before == fingerprint(files)

    def test_it_sees_files_added_removed_renamed_and_written(self, tmp_path):
        a, b = write_parquet(tmp_path / "a.parquet"), write_parquet(tmp_path / "b.parquet")
        seen = [fingerprint([a]), fingerprint([b]), fingerprint([a, b])]
        write_parquet(a, rows=11)
        seen.append(fingerprint([a]))
        os.utime(a, ns=(0, 0))  # Written anew, with the same number of bytes.
        seen.append(fingerprint([a]))
        assert len(seen) == len(set(seen))

    def test_a_name_that_is_not_utf8(self, tmp_path):
        file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
        file.write_bytes(b"")
        assert len(fingerprint([file])) == 16

    def test_the_same_files_by_another_path(self, tmp_path, monkeypatch):
        file = write_parquet(tmp_path / "a.parquet")
        monkeypatch.chdir(tmp_path)
        assert fingerprint([file]) == fingerprint([Path("a.parquet")])
