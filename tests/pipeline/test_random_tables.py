"""Whatever small tables hold: the way from files to the data gate ends well, or in a sentence that says what is wrong.

So do whole runs on tables that are nasty in ways of their own.
"""

import datetime
import decimal
import functools
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components.example_gen import source
from components.example_gen.layout import Layout
from pipeline import session
from pipeline.config import RunConfig
from pipeline.profiles.find import local
from schema.contract import load_contract
from schema.data import ColumnSplit, HashSplit, SpanSplit
from schema.errors import DataError

# The same examples in every run; without `derandomize` and with more of them it looks further.
many = settings(max_examples=60, derandomize=True, print_blob=True)
few = settings(many, max_examples=12)  # Of those that take seconds.
UP_TO_THE_GATE = frozenset({"ExampleGen", "StatisticsGen", "ImportSchemaGen", "ExampleValidator", "DataGate"})

TASK = {
    "task": "media",
    "features": {
        "amount": {"type": "numeric"},
        "year": {"type": "categorical", "vocabulary": 10, "embedding": 2},
        "note": {"type": "text", "tokens": 3, "vocabulary": 10, "encoder": {"type": "bag", "embedding": 2}},
        "photo": {"type": "image", "shape": [4, 4, 3], "encoder": {"type": "cnn", "filters": [2]}},
        "drawing": {"type": "image", "shape": [4, 4, 3], "source": "path", "encoder": {"type": "cnn", "filters": [2]}},
    },
    "heads": {"kind": {"type": "multiclass"}, "tags": {"type": "multilabel"}},
    "gates": {"kind": "none", "tags": "none"},
}
SCHEMA = """\
default_environment: "TRAINING"
default_environment: "SERVING"
feature { name: "amount" type: FLOAT }
feature { name: "year" type: INT }
feature { name: "note" type: BYTES }
feature { name: "photo" type: BYTES }
feature { name: "drawing" type: BYTES }
feature { name: "fold" type: BYTES not_in_environment: "SERVING" }
feature { name: "kind" type: BYTES string_domain { value: "cat" value: "dog" } not_in_environment: "SERVING" }
feature { name: "tags" type: BYTES string_domain { value: "a" value: "b" } not_in_environment: "SERVING" }
"""
BY_YEAR = ColumnSplit(by="column", column="year")
# Rules that need a column, or none, of every kind.
RULES = (
    HashSplit(by="hash"),
    HashSplit(by="hash", key=("note", "year")),
    HashSplit(by="hash", key=("photo",)),
    ColumnSplit(by="column", column="fold"),
    BY_YEAR,
    SpanSplit(by="span"),
)


@functools.cache
def picture():
    import tensorflow as tf

    return tf.io.encode_png(np.zeros((2, 3, 3), np.uint8)).numpy()


# Columns as they should be: type, and values that rows take in turn.
RIGHT = {
    "amount": (pa.float64(), [0.5, None, -3.0]),
    "year": (pa.int64(), [2013, 2014, None]),
    "note": (pa.string(), ["one", "", "two, three"]),
    "photo": (pa.binary(), [picture, None]),
    "drawing": (pa.string(), ["black.png", None]),
    "fold": (pa.string(), ["train", "train", "eval", "test"]),
    "kind": (pa.string(), ["cat", "dog", None]),
    "tags": (pa.list_(pa.string()), [["a"], [], None, ["a", "b"]]),
}
WORDS = (
    "",
    " ",
    "NA",
    "nan",
    "1",
    "1e5",
    "inf",
    "2013-01-01",
    "\0",
    "é",
    "a\nb",
    '"',
    "|",
    "a|b",
    "cat",
    "Train",
    "test",
)
PATHS = ("black.png", "broken.png", "nowhere.png", "..", "/", "x" * 400)
texts = st.text(max_size=4) | st.sampled_from([*WORDS, *PATHS])
binaries = (
    texts.map(str.encode)
    | st.binary(max_size=4)
    | st.sampled_from([b"\xff.png", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\x00", b"BM"])
    | st.integers(8, 60).map(lambda end: picture()[:end])
)
integers = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 2**53 + 1, 2013])
moments = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31))
# Every type that Parquet can hold, and values of it.
KINDS = {
    pa.int8(): st.integers(-128, 127),
    pa.int64(): integers,
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats() | st.sampled_from([1e300, 2.0**63, float("inf"), float("nan")]),
    pa.bool_(): st.booleans(),
    pa.decimal128(5, 2): st.decimals(-99, 99, places=2),
    pa.decimal256(60, 0): st.integers(-(10**58), 10**58).map(decimal.Decimal),
    pa.string(): texts,
    pa.large_string(): texts,
    pa.binary(): binaries,
    pa.large_binary(): binaries,
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.date32(): st.dates(),
    pa.date64(): st.dates(),
    pa.time32("s"): st.times().map(lambda time: time.replace(microsecond=0)),
    pa.time64("us"): st.times(),
    pa.timestamp("s"): moments,
    pa.timestamp("us", "Europe/Oslo"): moments,
    pa.timestamp("us", "Mars/Base"): moments,
    pa.duration("s"): st.timedeltas(),
    pa.null(): st.none(),
    pa.dictionary(pa.int32(), pa.string()): texts,
    pa.dictionary(pa.int32(), pa.int64()): integers,
    pa.list_(pa.string()): st.lists(st.none() | texts, max_size=3),
    pa.large_list(pa.string()): st.lists(st.none() | texts, max_size=3),
    pa.list_(pa.string(), 2): st.lists(st.none() | texts, min_size=2, max_size=2),
    pa.list_(pa.binary()): st.lists(binaries, max_size=2),
    pa.list_(pa.int64()): st.lists(st.none() | integers, max_size=3),
    pa.list_(pa.float64()): st.lists(st.floats(), max_size=2),
    pa.list_(pa.null()): st.lists(st.none(), max_size=2),
    pa.list_(pa.date32()): st.lists(st.dates(), max_size=2),
    pa.list_(pa.list_(pa.string())): st.lists(st.lists(texts, max_size=2), max_size=2),
    pa.list_(pa.struct([("a", pa.string())])): st.lists(st.fixed_dictionaries({"a": texts}), max_size=2),
    pa.struct([("a", pa.int64())]): st.fixed_dictionaries({"a": integers}),
    pa.map_(pa.string(), pa.int64()): st.lists(st.tuples(texts, integers), max_size=2, unique_by=lambda pair: pair[0]),
}


@st.composite
def tables(draw, counts):
    """Tables of which a few columns are of any type, hold anything, are gone or stand twice."""
    count = draw(counts)
    odd = draw(st.sets(st.sampled_from(list(RIGHT)), max_size=2))
    names, columns = [], []
    for name, (kind, values) in RIGHT.items():
        for _ in range(draw(st.sampled_from([1] * 8 + [0, 2])) if name in odd else 1):
            if name in odd:
                kind = draw(st.just(kind) | st.sampled_from(list(KINDS)))
                values = draw(st.lists(st.none() | KINDS[kind], min_size=1, max_size=6))
            made = [value() if callable(value) else value for value in values]
            columns.append(pa.array([made[row % len(made)] for row in range(count)], kind))
            names.append(name)
    return pa.Table.from_arrays(columns, names=names)


def write(table, file, **options):
    """Writes a table; those that Arrow itself cannot write as Parquet do not count."""
    try:
        pq.write_table(table, file, version="2.6", **options)
    except pa.ArrowNotImplementedError:
        assume(False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A task, and two images that tables name."""
    folder = tmp_path_factory.mktemp("media")
    (folder / "task.yaml").write_text(json.dumps(TASK), encoding="utf-8")
    (folder / "schema.pbtxt").write_text(SCHEMA, encoding="utf-8")
    (folder / "black.png").write_bytes(picture())
    (folder / "broken.png").write_bytes(picture()[:40])
    return folder


@pytest.fixture(scope="module")
def layout(folder):
    return Layout.of(load_contract(folder))


@pytest.fixture(scope="module")
def csv_layout(folder):
    return Layout.of(load_contract(folder, ["data.format=csv", "features.photo.source=path"]))


@pytest.fixture(scope="module")
def right():
    """A table without a mistake."""
    values = {name: [value() if callable(value) else value for value in values] for name, (_, values) in RIGHT.items()}
    return pa.table({name: pa.array((values[name] * 12)[:12], kind) for name, (kind, _) in RIGHT.items()})


@pytest.fixture(scope="module")
def ingest():
    """Reads a file as ExampleGen does, without Beam; returns the sentence that says what is wrong, if anything is."""
    from tfx_bsl.coders import example_coder

    from components.example_gen import columns, images, split

    encode = example_coder.RecordBatchToExamplesEncoder().encode

    def call(file, file_format, layout, rule):
        try:
            files = source.find_files(file, file_format)
            images.referenced(files, file_format, layout.path_columns)
            for shard in source.find_shards(files, file_format):
                first_row = shard.first_row
                for batch in source.read_shard(shard, layout.types, has_images=True):
                    missing = {*layout.labels, *layout.images}
                    rows = columns.to_features(batch, layout.types, shard.file, missing, layout.separators)
                    rows.validate(full=True)
                    rows = images.read(rows, layout.images, shard.file, first_row)
                    first_row += batch.num_rows
                    splits = split.assign(rows, rule, layout.labels)
                    assert len(encode(rows)) == len(splits) == rows.num_rows
                    assert set(splits.tolist()) <= {0, 1, 2}
        except DataError as error:
            return str(error)
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "ROWS_PER_IMAGE_BATCH", 2)  # Rows as slices, in which Arrow has bugs of its own.
        yield call


def check(said, folder):
    """Checks that a sentence names the file, or the rule that cannot do with it."""
    assert said is None or said.startswith((f"{folder}/rows.", "data.split: "))


@many
@given(tables(st.integers(0, 6)), st.sampled_from(RULES), st.integers(1, 7))
def test_any_parquet(folder, layout, ingest, table, rule, rows_per_group):
    write(table, folder / "rows.parquet", row_group_size=rows_per_group)
    check(ingest(folder / "rows.parquet", "parquet", layout, rule), folder)


@many
@given(
    st.lists(st.sampled_from([*RIGHT, "", "other"]), max_size=5).map(",".join) | st.text(max_size=9),
    st.text('a1.,\n"\ufeff\r|é; \t-:TZ', max_size=80).map(str.encode) | st.binary(max_size=80),
    st.sampled_from(RULES),
)
def test_any_csv(folder, csv_layout, ingest, header, text, rule):
    (folder / "rows.csv").write_bytes(header.encode() + b"\n" + text)
    check(ingest(folder / "rows.csv", "csv", csv_layout, rule), folder)


@many
@given(st.integers(0), st.binary(min_size=1, max_size=200))
def test_some_damage_to_a_parquet_file(folder, layout, ingest, right, place, damage):
    # Not any: of some ten thousand, one makes Arrow itself end the process, for want of memory that it is told to take.
    pq.write_table(right, folder / "whole.parquet")
    whole = (folder / "whole.parquet").read_bytes()
    place %= len(whole)
    (folder / "rows.parquet").write_bytes(whole[:place] + damage + whole[place + len(damage) :])
    check(ingest(folder / "rows.parquet", "parquet", layout, RULES[0]), folder)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != BY_YEAR], ids=str)
def test_a_table_without_a_mistake(folder, layout, ingest, right, rule):
    # Or else the properties above would hold for a reader that refuses everything.
    pq.write_table(right, folder / "rows.parquet")
    assert ingest(folder / "rows.parquet", "parquet", layout, rule) is None


@pytest.fixture(scope="module")
def up_to_the_gate(folder, tmp_path_factory):
    """Runs the stages up to the gate on a file, as `multihead run` does; returns its exit code."""
    from pipeline.graph import NEVER_CACHED, build_pipeline
    from pipeline.runners.local import run_pipeline

    contract = load_contract(folder, ["data.split={by: column, column: fold}"])

    def call(file):
        config = RunConfig(file, tmp_path_factory.mktemp("run"), "r1")

        def work(progress):
            graph = build_pipeline(contract, config)
            run_pipeline(graph, "r1", NEVER_CACHED, local(), progress.start, lambda stage: None, UP_TO_THE_GATE)

        try:
            session.watched(config, work, "stages")
        except typer.Exit as ended:
            return ended.exit_code
        return 0

    return call


@few
@given(tables(st.just(12)))
def test_any_table_up_to_the_gate(folder, up_to_the_gate, table):
    write(table, folder / "rows.parquet")
    assert up_to_the_gate(folder / "rows.parquet") in (0, 2, 3)


def test_a_table_without_a_mistake_passes_the_gate(folder, up_to_the_gate, right):
    pq.write_table(right, folder / "rows.parquet")
    assert up_to_the_gate(folder / "rows.parquet") == 0
