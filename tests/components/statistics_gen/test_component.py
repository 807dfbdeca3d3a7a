"""The stage beside TFX's own on the same examples, and spans that are counted once."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.statistics_gen import executor as tfx_executor
from tfx.components.statistics_gen.component import StatisticsGen as TfxStatisticsGen
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.example_gen import component as example_gen
from components.example_gen.entries import Entry
from components.example_gen.layout import Layout
from components.statistics import load_by_split
from components.statistics_gen import component
from components.statistics_gen.accumulate import image_schema
from pipeline.config import RunConfig
from pipeline.profiles.beam import arguments
from pipeline.profiles.find import local
from schema.data import Data
from schema.errors import DataError

LAYOUT = Layout(
    {"amount": "FLOAT", "late": "BYTES", "note": "BYTES", "photo": "BYTES", "tags": "BYTES", "year": "INT"}
    | {"never": "FLOAT", "odd": "INT"},
    labels=("late", "tags"),
    separators={"tags": "|"},
    images={"photo": "bytes"},
)


def table(rows, seed=0, is_odd=False):
    """Rows of numbers, texts, tags and images with missing values; if odd, a column is not of its declared type."""
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    images = [tf.io.encode_png(np.full((3, 3, 3), shade, np.uint8)).numpy() for shade in range(9)]

    def some(values, share=0.9):
        return [value if rng.random() < share else None for value in values]

    columns = {
        "amount": pa.array(some(rng.lognormal(3, 2, rows).tolist()), pa.float64()),
        "late": pa.array(some(rng.choice(["yes", "no"], rows).tolist()), pa.string()),
        "note": pa.array(some([f"word{n} größer" for n in rng.zipf(1.1, rows) % 5000]), pa.string()),
        "photo": pa.array(some([images[n] for n in rng.integers(0, 9, rows)]), pa.binary()),
        "tags": pa.array(some(["|".join(rng.choice(list("abcdef"), n)) for n in rng.integers(0, 4, rows)])),
        "year": pa.array(some(rng.integers(-5, 2013, rows).tolist()), pa.int64()),
        "never": pa.nulls(rows, pa.float64()),
        "odd": pa.array(some((rng.integers(0, 9, rows) + (0.5 if is_odd else 0)).tolist()), pa.float64()),
    }
    return pa.table(columns)


def stages_in(folder):
    """Returns what runs ExampleGen, unless it is given examples, and a StatisticsGen; that returns the statistics."""
    run = RunConfig(data=folder / "data", output=folder / "run", run_id="test")
    context = BaseBeamExecutor.Context(arguments(local().all.beam), unique_id="1", tmp_dir=str(folder / "scratch"))

    def examples_of(name, window, split):
        examples = standard_artifacts.Examples()
        examples.uri = str(folder / "examples" / name)
        given = {"split": split or {"by": "hash"}} | ({"spans": "{SPAN}"} if window else {})
        data = Data.model_validate(given, strict=False)
        made = example_gen.ExampleGen(str(run.data), data, LAYOUT, "", window, str(run.span_store))
        example_gen.Executor(context).Do({}, {"examples": [examples]}, made.exec_properties)
        return examples

    def of(name, window=(), split=None, is_stock=False, is_kept=True, code="digest", examples=None):
        examples = examples or examples_of(name, window, split)
        statistics = standard_artifacts.ExampleStatistics()
        statistics.uri = str(folder / "statistics" / name)
        channel = types.Channel(type=standard_artifacts.Examples)
        if is_stock:
            options = tfdv.StatsOptions(schema=image_schema(LAYOUT.images))
            stage = TfxStatisticsGen(channel, stats_options=options)
            executor = tfx_executor.Executor(context)
        else:
            kept = str(run.counts) if is_kept else ""
            stage = component.StatisticsGen(channel, LAYOUT, kept, code)
            executor = component.Executor(context)
        executor.Do({"examples": [examples]}, {"statistics": [statistics]}, stage.exec_properties)
        of.examples = examples
        return statistics

    return of


@dataclasses.dataclass
class Both:
    """Statistics of the same examples."""

    ours: standard_artifacts.ExampleStatistics
    stock: standard_artifacts.ExampleStatistics
    rows: pa.Table


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Of three files of rows, and so of three shards; `odd` is not of its type, and `year` is."""
    folder = tmp_path_factory.mktemp("both")
    (folder / "data").mkdir()
    tables = [table(1000, number, is_odd=True) for number in range(3)]
    for number, rows in enumerate(tables):
        pq.write_table(rows, folder / "data" / f"{number}.parquet")
    of = stages_in(folder)
    return Both(of("ours"), of("stock", is_stock=True, examples=of.examples), pa.concat_tables(tables))


def by_column(statistics, split):
    [dataset] = load_by_split(statistics)[split].datasets
    return dataset.num_examples, {feature.path.step[0]: feature for feature in dataset.features}


def fields(message, path=()):
    """Returns all that is set in a message, by path."""
    found = {}
    for field, value in message.ListFields():
        values = value if field.label == field.LABEL_REPEATED else [value]
        for place, one in enumerate(values):
            where = (*path, field.name, place)
            found |= fields(one, where) if field.message_type else {where: one}
    return found


def test_it_is_what_tfx_computes_field_by_field(both):
    assert both.ours.split_names == both.stock.split_names
    for split in ("train", "eval", "test"):
        (rows, found), (expected_rows, expected) = by_column(both.ours, split), by_column(both.stock, split)
        assert rows == expected_rows
        assert list(found) == sorted(expected) == sorted(LAYOUT.types)
        for name, feature in found.items():
            values, expected_values = fields(feature), fields(expected[name])
            assert values.keys() == expected_values.keys()
            for path, value in values.items():
                if path[-2] in ("mean", "std_dev"):
                    assert value == pytest.approx(expected_values[path], rel=1e-9), (name, path)
                elif not _is_estimated(path):
                    assert value == expected_values[path], (name, path)


def _is_estimated(path):
    """Whether a field is of a histogram of quantiles, whose edges are within an error of the true ones."""
    return "histograms" in path or "median" in path


def test_histograms_are_within_the_error_of_the_sketch(both):
    _, found = by_column(both.ours, "train")
    values = np.sort(both.rows["amount"].drop_null().to_numpy())
    [quantiles] = [one for one in found["amount"].num_stats.histograms if one.type == one.QUANTILES]
    for place, bucket in enumerate(quantiles.buckets):
        # The split is at random, the sketch's epsilon .01.
        share = np.searchsorted(values, bucket.high_value, side="right") / len(values)
        assert share == pytest.approx((place + 1) / len(quantiles.buckets), abs=0.03)


def test_properties_are_those_of_tfx(both):
    ours, stock = (str(artifact.mlmd_artifact) for artifact in (both.ours, both.stock))
    assert ours.replace("statistics/ours", "statistics/stock") == stock


def test_the_validator_reads_it(both):
    statistics = load_by_split(both.ours)["train"]
    schema = 'feature { name: "odd" type: INT } feature { name: "year" type: INT }'
    anomalies = tfdv.validate_statistics(statistics, text_format.Parse(schema, schema_pb2.Schema())).anomaly_info
    assert "year" not in anomalies
    assert "odd" in anomalies


@pytest.fixture
def stages(tmp_path):
    return stages_in(tmp_path)


@pytest.fixture
def days(tmp_path):
    """Five days, of which the third is empty."""
    entries = []
    for number, rows in enumerate([100, 101, 0, 102, 103], 1):
        folder = tmp_path / "data" / f"{number}"
        folder.mkdir(parents=True)
        pq.write_table(table(rows, seed=number), folder / "rows.parquet")
        entries.append(Entry(f"2013-01-0{number}", number, str(folder), f"key{number}"))
    return entries


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Returns the names of the files whose rows were read since it was last asked."""
    log = tmp_path / "read"
    real = component.batches

    def batches(file, types):
        with log.open("a") as lines:
            lines.write(file.rpartition("/")[2] + "\n")
        return real(file, types)

    def since():
        found = log.read_text().split() if log.exists() else []
        log.write_text("")
        return sorted(found)

    monkeypatch.setattr(component, "batches", batches)
    return since


def days_of(names):
    return {name[:10] for name in names}


SPLITS = [{"by": "hash"}, {"by": "span", "newest": 1}]


@pytest.mark.parametrize("split", SPLITS, ids=["hash", "span"])
def test_a_window_that_moves_on_reads_one_day_and_says_the_same(stages, days, read, split):
    stages("first", days[:4], split)
    assert days_of(read()) == {"2013-01-01", "2013-01-02", "2013-01-04"}
    second = stages("second", days[1:], split)
    assert days_of(read()) == {"2013-01-05"}
    anew = stages("anew", is_kept=False, examples=stages.examples)
    assert days_of(read()) == {"2013-01-02", "2013-01-04", "2013-01-05"}
    assert load_by_split(second) == load_by_split(anew)


def test_other_code_and_another_delivery_count_anew(stages, days, read):
    stages("first", days[:2])
    first = stages.examples
    read()
    stages("again", examples=first)
    assert read() == []
    again = Entry(days[1].label, days[1].number, days[1].folder, "corrected")
    stages("corrected", [days[0], again])
    assert days_of(read()) == {"2013-01-02"}
    stages("code", code="other", examples=first)
    assert days_of(read()) == {"2013-01-01", "2013-01-02"}


def test_what_is_damaged_is_counted_again(stages, days, read, tmp_path):
    before = stages("first", days[:2])
    kept = sorted((tmp_path / "run" / "artifacts" / "counts").iterdir())
    splits = ("eval", "test", "train")
    assert [file.name for file in kept] == [
        f"2013-01-0{day}-key{day}-statistics.{split}.digest.kept" for day in (1, 2) for split in splits
    ]
    kept[0].write_bytes(kept[0].read_bytes()[:-1])
    kept[4].write_bytes(b"")
    (kept[0].parent / f".{kept[0].name}-killed").write_bytes(b"")
    read()
    after = stages("again", examples=stages.examples)
    assert [name.partition("-data")[0] for name in read()] == ["2013-01-01-eval", "2013-01-02-test"]
    assert load_by_split(after) == load_by_split(before)
    assert sorted(kept[0].parent.iterdir()) == kept


def test_days_of_two_types_are_an_error_that_names_the_column(stages, days, tmp_path):
    pq.write_table(table(300, is_odd=True), tmp_path / "data" / "1" / "rows.parquet")
    with pytest.raises(DataError, match="column 'odd'"):
        stages("first", days[:2])


def test_without_spans_every_run_reads_all_rows(stages, days, read):
    first = stages("first")
    files = read()
    assert len(files) == 12
    assert load_by_split(stages("second", examples=stages.examples)) == load_by_split(first)
    assert read() == files
