"""ExampleGen on spans: what is read, what is not read again, and that no row of the future is learnt from."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.example_gen import source, state, store
from components.example_gen.component import ExampleGen, Executor, rows_property
from components.example_gen.entries import Entry
from components.example_gen.layout import Layout
from components.example_gen.spans import find_spans
from components.example_gen.window import empty_spans, entries, load_window
from pipeline.config import RunConfig
from pipeline.profiles.beam import arguments
from pipeline.profiles.find import local
from schema.data import Data, HashSplit, SpanSplit
from schema.errors import DataError
from schema.names import SPLITS

LAYOUT = Layout({"carrier": "BYTES", "day": "INT", "row": "INT"}, labels=("carrier",))
PATTERN = "date={YYYY}-{MM}-{DD}"
ROWS = 40


@pytest.fixture
def days(tmp_path):
    """Five days of rows that say which day they are of."""
    for day in range(1, 6):
        write(tmp_path, day)
    return tmp_path / "data"


def write(tmp_path, day, rows=ROWS, **more):
    folder = tmp_path / "data" / f"date=2013-01-{day:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    carriers = pa.array(["AA"] * rows, pa.string())
    table = pa.table({"carrier": carriers, "day": pa.array([day] * rows, pa.int64()), "row": range(rows), **more})
    pq.write_table(table, folder / "rows.parquet")


@pytest.fixture
def generate(days, tmp_path, monkeypatch):
    """Runs ExampleGen on a window; `read` are the files that it opened for rows."""
    opened = []
    read_shard = source.read_shard
    monkeypatch.setattr(
        source, "read_shard", lambda shard, *args, **kw: (opened.append(shard.file), read_shard(shard, *args, **kw))[1]
    )
    runs = []

    def run(first, last, split, keys=None):
        opened.clear()
        runs.append(None)
        examples = standard_artifacts.Examples()
        examples.uri = str(tmp_path / "examples" / str(len(runs)))
        window = [span for span in find_spans(days, PATTERN, "parquet") if first <= int(span.label[-2:]) <= last]
        entries = [Entry(s.label, s.number, s.folder, (keys or {}).get(s.label, "key")) for s in window]
        config = RunConfig(data=days, output=tmp_path / "run", run_id="test")
        component = ExampleGen(
            str(days), Data(spans=PATTERN, split=split), LAYOUT, "", window=entries, store=str(config.span_store)
        )
        executor = Executor(BaseBeamExecutor.Context(beam_pipeline_args=arguments(local().all.beam), unique_id="1"))
        executor.Do({}, {"examples": [examples]}, component.exec_properties)
        run.read = sorted(int(file.split("date=2013-01-")[1][:2]) for file in opened)
        run.examples = examples
        return {name: rows_of(examples, name) for name in SPLITS}

    return run


def rows_of(examples, split):
    """Returns (day, row) of every example of a split."""
    files = sorted(tf.io.gfile.glob(f"{artifact_utils.get_split_uri([examples], split)}/*"))
    found = []
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        found.append(tuple(feature[name].int64_list.value[0] for name in ("day", "row")))
    counted = examples.get_int_custom_property(rows_property(split))
    assert counted == len(found)
    return sorted(found)


def in_any(found):
    return sorted(row for rows in found.values() for row in rows)


def all_rows(*days):
    return [(day, row) for day in days for row in range(ROWS)]


BY_SPAN = SpanSplit(by="span")
BY_HASH = HashSplit(by="hash")


class TestRolling:
    @pytest.mark.parametrize("split", [BY_SPAN, BY_HASH], ids=["span", "hash"])
    def test_the_next_window_reads_the_new_day_alone(self, generate, split):
        generate(1, 3, split)
        assert generate.read == [1, 2, 3]
        found = generate(2, 4, split)
        assert generate.read == [4]
        assert in_any(found) == all_rows(2, 3, 4)
        assert generate(2, 4, split) == found
        assert generate.read == []

    def test_what_was_read_once_gives_the_same_examples_as_what_is_read_now(self, generate, tmp_path):
        generate(1, 3, BY_SPAN)
        rolled = generate(2, 4, BY_SPAN)
        tf.io.gfile.rmtree(str(tmp_path / "run"))
        assert generate(2, 4, BY_SPAN) == rolled
        assert generate.read == [2, 3, 4]

    def test_a_corrected_day_is_read_again_and_no_other(self, generate, tmp_path):
        generate(1, 3, BY_SPAN)
        write(tmp_path, 2, rows=50)
        found = generate(1, 3, BY_SPAN, keys={"2013-01-02": "corrected"})
        assert generate.read == [2]
        assert (2, 49) in found["train"]
        assert len(found["train"]) == ROWS + 50

    def test_files_of_two_windows_are_on_the_disk_once(self, generate):
        generate(1, 3, BY_SPAN)
        folder = Path(artifact_utils.get_split_uri([generate.examples], "train"))
        assert {file.stat().st_nlink for file in folder.iterdir()} == {2}

    def test_where_links_do_not_work_files_are_copied(self, generate, monkeypatch):
        def refuse(*_):
            raise OSError(95, "Operation not supported")

        linked = generate(1, 3, BY_SPAN)
        monkeypatch.setattr(store.os, "link", refuse)
        assert generate(1, 3, BY_SPAN) == linked

    def test_a_killed_run_leaves_nothing_that_the_next_takes_for_whole(self, generate, monkeypatch, tmp_path):
        def killed(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(store, "keep", killed)
            with pytest.raises(KeyboardInterrupt):
                generate(1, 3, BY_SPAN)
        found = generate(1, 3, BY_SPAN)
        assert generate.read == [1, 2, 3]
        assert in_any(found) == all_rows(1, 2, 3)
        assert not list((tmp_path / "run").rglob(".*"))


class TestSplitBySpan:
    def test_older_days_train_and_the_newest_judges(self, generate):
        found = generate(1, 4, BY_SPAN)
        assert found["train"] == all_rows(1, 2, 3)
        assert sorted(found["eval"] + found["test"]) == all_rows(4)
        assert min(len(found["eval"]), len(found["test"])) > ROWS / 4

    def test_several_newest_days(self, generate):
        found = generate(1, 5, SpanSplit(by="span", newest=2))
        assert found["train"] == all_rows(1, 2, 3)
        assert sorted(found["eval"] + found["test"]) == all_rows(4, 5)

    def test_a_day_that_judged_trains_later_whole_and_is_not_read_again(self, generate):
        judged = generate(1, 3, BY_SPAN)
        assert {day for day, _ in judged["eval"] + judged["test"]} == {3}
        found = generate(1, 4, BY_SPAN)
        assert generate.read == [4]
        assert found["train"] == all_rows(1, 2, 3)

    def test_another_number_of_newest_days_reads_nothing_again(self, generate):
        generate(1, 4, BY_SPAN)
        assert generate(1, 4, SpanSplit(by="span", newest=3))["train"] == all_rows(1)
        assert generate.read == []

    def test_no_row_of_a_later_day_is_learnt_from_though_it_is_there(self, generate):
        generate(1, 5, BY_SPAN)  # The store holds the future now.
        found = generate(1, 3, BY_SPAN)
        newest = max(day for day, _ in found["train"])
        assert newest < min(day for day, _ in found["eval"] + found["test"])
        assert in_any(found) == all_rows(1, 2, 3)

    def test_one_day_cannot_train_and_judge(self, generate):
        with pytest.raises(DataError, match=r"no row of 40 falls into train; give more spans, by a wider --window"):
            generate(3, 3, BY_SPAN)


class TestWhatSpansHold:
    def test_it_is_written_down(self, generate):
        generate(2, 4, BY_SPAN)
        held = load_window(generate.examples)
        assert [span["label"] for span in held] == ["2013-01-02", "2013-01-03", "2013-01-04"]
        assert [sum(span["rows"].values()) for span in held] == [ROWS] * 3
        assert held[0]["values"] == {"carrier": ROWS, "day": ROWS, "row": ROWS}
        assert generate.examples.get_int_custom_property("span") == held[-1]["number"]
        assert generate.examples.get_string_custom_property("window") == "2013-01-02..2013-01-04"

    def test_a_day_without_rows_in_the_window(self, generate, tmp_path):
        write(tmp_path, 2, rows=0)
        found = generate(1, 3, BY_SPAN)
        assert found["train"] == all_rows(1)
        assert empty_spans(generate.examples) == ["2013-01-02"]

    def test_a_day_with_a_renamed_column(self, generate, tmp_path):
        folder = tmp_path / "data" / "date=2013-01-03"
        table = pq.ParquetFile(folder / "rows.parquet").read()
        pq.write_table(table.rename_columns(["airline", "day", "row"]), folder / "rows.parquet")
        generate(1, 3, BY_SPAN)
        assert [set(span["values"]) for span in load_window(generate.examples)] == [
            {"carrier", "day", "row"},
            {"carrier", "day", "row"},
            {"day", "row"},
        ]

    def test_a_day_with_ten_times_the_rows(self, generate, tmp_path):
        write(tmp_path, 3, rows=10 * ROWS)
        generate(1, 3, BY_SPAN)
        assert [sum(span["rows"].values()) for span in load_window(generate.examples)] == [ROWS, ROWS, 10 * ROWS]


class TestFoundAtRunTime:
    """As in a container, where nobody has looked at the data before."""

    @pytest.fixture
    def run(self, days, tmp_path):
        def generate(span, spans=1):
            examples = standard_artifacts.Examples()
            examples.uri = str(tmp_path / "found" / f"{span}-{spans}")
            data = Data(spans=PATTERN, split=HashSplit(by="hash"))
            component = ExampleGen(str(days), data, LAYOUT, "", span=span, spans=spans)
            context = BaseBeamExecutor.Context(
                arguments(local().all.beam), unique_id="1", tmp_dir=str(tmp_path / "scratch")
            )
            Executor(context).Do({}, {"examples": [examples]}, component.exec_properties)
            return examples

        return generate

    def test_a_window_is_found_and_told(self, run, days):
        examples = run("2013-01-02", 2)
        assert examples.get_string_custom_property("window") == "2013-01-01..2013-01-02"
        found = entries(examples)
        assert [(entry.label, entry.folder) for entry in found] == [
            (f"2013-01-0{day}", str(days / f"date=2013-01-0{day}")) for day in (1, 2)
        ]
        known = state.fingerprint([days / f"date=2013-01-0{day}" for day in (1, 2)], "parquet", ())
        assert examples.get_string_custom_property(state.DATA_PROPERTY) == known

    @pytest.mark.parametrize("span", ["", "latest"])
    def test_the_latest(self, run, days, span):
        newest = max(folder.name for folder in days.iterdir() if folder.name.startswith("date="))
        assert run(span).get_string_custom_property("window").endswith(newest.removeprefix("date="))

    def test_one_that_is_not_there(self, run):
        with pytest.raises(DataError, match=r"span 2012-12-31 is not there, or not complete; nearest: 2013-01-01"):
            run("2012-12-31")
