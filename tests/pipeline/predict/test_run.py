"""Batch prediction on small files, in process, with a model whose answers are known (fixtures in conftest.py)."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from components.example_gen import source
from components.example_gen.places import place
from components.servable import Servable
from pipeline.predict import parts, shard
from pipeline.predict.run import Counts
from schema.errors import DataError

REASON, ROW, FILE = "rejected.reason", "rejected.row", "rejected.file"


def answers(table, folder, model):
    """What the model answers the rows of a table, as examples made by hand."""
    import tensorflow as tf

    def example(row):
        made = tf.train.Example()
        feature = made.features.feature
        if row["amount"] is not None:
            feature["amount"].float_list.value.append(row["amount"])
        if row["code"] is not None:
            feature["code"].int64_list.value.append(row["code"])
        if row["photo"] is not None:
            feature["photo"].bytes_list.value.append((folder / row["photo"]).read_bytes())
        return made.SerializeToString()

    return Servable.load(model).predict_examples([example(row) for row in table.to_pylist()])


def column(table, head):
    """Scores of a head as an array `(rows, classes)`."""
    return np.array([list(row.values()) for row in table[f"{head}.scores"].to_pylist()])


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_rows_keep_their_order_and_get_the_models_answers(predict, rows, table, model, monkeypatch):
    monkeypatch.setattr(source, "ROWS_PER_SHARD", 10)
    monkeypatch.setattr(source, "ROWS_PER_IMAGE_BATCH", 7)
    monkeypatch.setattr(shard, "ROWS_PER_IMAGE_REQUEST", 3)
    counts, out, rejected = predict(rows)
    assert (Counts(40, 0), None) == (counts, rejected)
    expected = answers(table, rows, model)
    assert table["id"].to_pylist() == out["id"].to_pylist()
    for head in ("kind", "tags"):
        np.testing.assert_allclose(column(out, head), expected[f"{head}/scores"], atol=1e-6)
    assert [label.decode() for label in expected["kind/label"]] == out["kind.label"].to_pylist()
    tags = [[tag.decode() for tag in row if tag] for row in expected["tags/labels"]]
    assert tags == out["tags.label"].to_pylist()
    assert [] in tags
    assert ["wet", "new"] in tags
    assert {"cat", "dog"} == set(out["kind.label"].to_pylist())


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_rows_in_a_store(predict, rows, photos, table, store, contract, as_csv, file_format):
    task = contract
    if file_format == "csv":
        task = as_csv
        pa_csv.write_csv(table, photos / "rows.csv")
    counts, here, _ = predict(rows, task=task)
    also, there, rejected = predict(place(store(photos)), task=task)
    assert (counts, None) == (also, rejected)
    # A store is read in other batches, and TensorFlow's last digits follow their size.
    scores = ("kind.scores", "tags.scores")
    assert here.drop(scores) == there.drop(scores)
    for name in scores:
        assert [*map(pytest.approx, here[name].to_pylist())] == there[name].to_pylist()


def test_columns_are_the_inputs_without_images_and_two_per_head(predict, rows, table, model):
    _, out, _ = predict(rows)
    assert (out.column_names) == [
        "id",
        "amount",
        "code",
        "colour",
        "kind",
        "kind.label",
        "kind.scores",
        "tags.label",
        "tags.scores",
    ]
    for name in ("id", "amount", "code", "kind"):
        assert table[name].to_pylist() == out[name].to_pylist()
        assert table.schema.field(name).type == out.schema.field(name).type
    scores = pa.struct([("cat", pa.float32()), ("dog", pa.float32())])
    assert scores == out.schema.field("kind.scores").type
    assert pa.list_(pa.string()).equals(pa.list_(out.schema.field("tags.label").type.value_type))
    assert {"task": "toy", "model": str(model)} == json.loads(out.schema.metadata[b"multihead"])


def test_kept_columns_are_those_asked_for_in_that_order(predict, rows, table):
    _, out, _ = predict(rows, keep=["photo", "id"])
    assert out.column_names[:3] == ["photo", "id", "kind.label"]
    assert table["photo"].to_pylist() == out["photo"].to_pylist()


def test_label_columns_may_be_absent_and_are_not_read(predict, rows, table, photos):
    _, before, _ = predict(rows)
    for file in photos.glob("*.parquet"):
        pq.write_table(pq.read_table(file).drop(["kind"]), file)
    _, absent, _ = predict(photos)
    for i, file in enumerate(sorted(photos.glob("*.parquet"))):
        part = pq.read_table(file)
        pq.write_table(part.append_column("kind", pa.array(range(part.num_rows))), file, version="2.6" if i else "1.0")
    _, wrong, _ = predict(photos)
    assert before["kind.scores"] == absent["kind.scores"] == wrong["kind.scores"]


def test_version(predict, rows):
    _, latest, _ = predict(rows)
    _, second, _ = predict(rows, version=2)
    _, first, _ = predict(rows, version=1)
    assert latest == second
    assert (column(latest, "kind")[:, 1] > column(first, "kind")[:, 1]).all()
    with pytest.raises(DataError, match=r"no version 7; there are: 1, 2"):
        predict(rows, version=7)


def test_bad_rows_go_to_the_side_file_with_reasons_and_the_rest_goes_on(predict, photos, table, set_row):
    good = table
    table = set_row(table, "photo", 4, "broken.png")
    table = set_row(table, "photo", 11, "gone.png")
    table = set_row(table, "colour", 12, "unspeakable")
    table = set_row(table, "amount", 20, float("inf"))
    table = set_row(table, "amount", 22, -1e300)  # Infinite in 32 bits.
    table = set_row(table, "amount", 25, 3e38)  # Finite, but too much for the model.
    floats = [float(code) for code in range(40)]
    floats[30] = 1.5
    table = table.set_column(2, "code", pa.array(floats))
    pq.write_table(table, photos / "rows.parquet", row_group_size=15)
    counts, out, rejected = predict(photos / "rows.parquet")
    bad = [4, 11, 12, 20, 22, 25, 30]
    assert Counts(33, 7) == counts
    assert [f"row {i}" for i in range(40) if i not in bad] == out["id"].to_pylist()
    assert [row + 1 for row in bad] == rejected[ROW].to_pylist()
    assert [f"row {row}" for row in bad] == rejected["id"].to_pylist()
    assert {str(photos / "rows.parquet")} == set(rejected[FILE].to_pylist())
    expected = [
        f"column 'photo': {photos}/broken.png is none of PNG, JPEG, GIF, BMP",
        f"column 'photo': no file {photos}/gone.png",
        "no such colour",
        "column 'amount' holds inf, which cannot be read as a finite float",
        "column 'amount' holds -1e+300, which cannot be read as a finite float",
        "the scores of head 'kind' are not finite",
        "column 'code' holds 1.5, which cannot be read as int64",
    ]
    for start, reason in zip(expected, rejected[REASON].to_pylist(), strict=True):
        assert start in reason
    assert rejected.column_names[3:] == ["id", "amount", "code", "colour", "kind"]
    pq.write_table(good.take([i for i in range(40) if i not in bad]), photos / "rows.parquet")
    _, alone, rejected = predict(photos / "rows.parquet")
    np.testing.assert_allclose(column(alone, "kind"), column(out, "kind"), atol=1e-6)
    assert rejected is None  # What an earlier call left is gone.


def test_when_every_row_is_rejected_the_side_file_says_why(predict, photos, table, tmp_path):
    colour = pa.array(["unspeakable"] * 40)
    pq.write_table(table.set_column(3, "colour", colour), photos / "rows.parquet")
    with pytest.raises(DataError, match=r"none of 40 rows could be predicted; .*out.rejected.parquet says why"):
        predict(photos)
    assert [name for name in names_in(tmp_path) if "out" in name] == ["out.rejected.parquet"]
    assert pq.read_table(tmp_path / "out.rejected.parquet").num_rows == 40


def test_csv_gives_what_parquet_gives(predict, photos, table, tmp_path, as_csv):
    pq.write_table(table, photos / "rows.parquet")
    _, expected, _ = predict(photos / "rows.parquet")
    pa_csv.write_csv(table, photos / "rows.csv")
    _, out, rejected = predict(photos / "rows.csv", task=as_csv)
    assert expected.select(expected.column_names[5:]) == out.select(expected.column_names[5:])
    assert expected["id"].to_pylist() == out["id"].to_pylist()
    assert [str(code) for code in range(40)] == out["code"].to_pylist()  # Kept as it stands in the file.
    assert rejected is None


def test_bad_cells_and_lines_of_a_csv_file_spoil_their_row_only(predict, photos, as_csv, tmp_path):
    lines = [b"id,amount,code,colour,photo", b"a,1.5,3,red,", b"b,x,3,red,", b"", b"c,1.5", b"d, 2 ,true,\xff,"]
    lines += [b"\xfe,1,1,,", b'e,,2.0,"red\nblue",black.png', b"f,1,2.5,,", b"g,1,2,3,4,5,6", b"h,1e3,NA,,", b"i,1"]
    lines += [b"j,-inf,1,,", b"k,1,Infinity,,"]
    (photos / "rows.csv").write_bytes(b"\n".join(lines) + b"\n")
    counts, out, rejected = predict(photos, keep=["id"], task=as_csv)
    assert Counts(4, 8) == counts
    assert out["id"].to_pylist() == ["a", "d", "e", "h"]
    assert sorted(rejected[ROW].to_pylist()) == [2, 3, 5, 7, 8, 10, 11, 12]
    reasons = dict(zip(rejected[ROW].to_pylist(), rejected[REASON].to_pylist(), strict=True))
    assert reasons[2] == "column 'amount' holds 'x', which is not a number"
    assert reasons[3] == "the line has 2 cells, the header 5"
    assert reasons[5].startswith("column 'id' cannot be kept as string")
    assert reasons[7] == "column 'code' holds 2.5, which cannot be read as int64"
    assert reasons[8] == "the line has 7 cells, the header 5"
    assert reasons[10] == "the line has 2 cells, the header 5"
    assert reasons[11] == "column 'amount' holds -inf, which cannot be read as a finite float"
    assert reasons[12] == "column 'code' holds inf, which cannot be read as int64"
    assert [rejected["id"][rejected[ROW].to_pylist().index(row)].as_py() for row in (5, 2)] == [None, "b"]


def test_rows_of_a_csv_file_are_numbered_whatever_the_blocks_are(predict, photos, as_csv, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.predict.rows.BYTES_PER_BLOCK", 64)
    wrong = {i for i in range(1, 200) if i % 17 in (3, 4) or i > 190}
    lines = [f"{i},1,{'x' if i % 10 == 0 else 2}" if i not in wrong else f"{i}" for i in range(1, 200)]
    (photos / "rows.csv").write_text("\n".join(["id,amount,code", *lines]), encoding="utf-8")
    _, out, rejected = predict(photos, task=as_csv)
    bad = wrong | set(range(10, 200, 10))
    assert [str(i) for i in range(1, 200) if i not in bad] == out["id"].to_pylist()
    assert sorted(bad) == sorted(rejected[ROW].to_pylist())
    for row, key in zip(rejected[ROW].to_pylist(), rejected["id"].to_pylist(), strict=True):
        assert key == (None if row in wrong else str(row))


def test_a_folder_of_files(predict, rows, tmp_path, monkeypatch):
    _, expected, _ = predict(rows)
    monkeypatch.setattr(source, "ROWS_PER_SHARD", 10)
    _, out, _ = predict(rows, tmp_path / "out")
    assert out.schema == expected.schema
    for name in out.column_names:
        if name.endswith(".scores"):  # Batches of another size may round the last digit another way.
            scores = zip(out[name].to_pylist(), expected[name].to_pylist(), strict=True)
            assert all(of_row == pytest.approx(wanted, abs=1e-6) for of_row, wanted in scores)
        else:
            assert out[name] == expected[name]
    assert [f"part-00000{i}.parquet" for i in range(4)] == names_in(tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == (tmp_path / "data").stat().st_mode & 0o777
    with pytest.raises(Exception, match="is not empty"):
        predict(rows, tmp_path / "out")


def test_row_groups_are_as_large_as_memory_allows(predict, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(source, "ROWS_PER_SHARD", 10)
    predict(rows)
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 1
    monkeypatch.setattr(parts, "BYTES_PER_GROUP", 500)
    monkeypatch.setattr(shard, "ROWS_PER_IMAGE_REQUEST", 2)
    predict(rows)
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups > 4


def test_a_file_that_cannot_be_read_leaves_what_was_there(predict, rows, tmp_path):
    _, before, _ = predict(rows)
    found = names_in(tmp_path)
    damaged = bytearray((rows / "1.parquet").read_bytes())
    damaged[4:200] = bytes(196)
    (rows / "1.parquet").write_bytes(damaged)
    with pytest.raises(Exception, match=r"1.parquet"):
        predict(rows)
    assert before == pq.read_table(tmp_path / "out.parquet")
    assert found == names_in(tmp_path)


def test_files_whose_kept_columns_differ(predict, photos, table):
    one = table.slice(0, 20).drop(["kind"]).append_column("count", pa.array(range(20)))
    two = table.slice(20).append_column("count", pa.array([0.5, *[None] * 19]))
    two = two.set_column(0, "id", two["id"].dictionary_encode()).append_column("list", pa.array([["a"]] * 20))
    for i, part in enumerate((one, two)):
        pq.write_table(part, photos / f"{i}.parquet")
    _, out, _ = predict(photos)
    assert table["id"].to_pylist() == out["id"].to_pylist()
    assert [*map(float, range(20)), 0.5, None] == out["count"].to_pylist()[:22]
    assert out["kind"].to_pylist()[:22] == [None] * 20 + ["cat", None]
    assert out["list"].to_pylist()[19:21] == [None, ["a"]]
