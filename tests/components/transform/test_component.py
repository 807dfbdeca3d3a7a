"""The stage: every stored span is read once for all windows, and outputs are as TFX's Transform has them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.tf_metadata import dataset_metadata
from tfx import types
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import transform_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.example_gen import component as example_gen
from components.example_gen.entries import Entry
from components.example_gen.layout import Layout
from components.transform import component
from components.transform.analysis import compute
from pipeline.config import RunConfig
from pipeline.profiles.beam import arguments
from pipeline.profiles.find import local
from schema.data import Data
from schema.names import SPLITS

LAYOUT = Layout({"carrier": "BYTES", "distance": "FLOAT", "late": "BYTES"}, labels=("late",))
TASK = {
    "task": "days",
    "features": {
        "carrier": {"type": "categorical", "vocabulary": 3, "embedding": 2},
        "distance": {"type": "numeric", "encoder": {"type": "piecewise_linear", "bins": 8}},
    },
    "heads": {"late": {"type": "multiclass", "loss": {"class_weights": "balanced"}}},
    "gates": {"late": "none"},
}
BY_SPAN, BY_HASH = {"by": "span", "newest": 1}, {"by": "hash"}


def write(folder, day, rows=60):
    rng = np.random.default_rng(day)
    table = {
        "carrier": rng.choice(["AA", "UA", "DL", f"day {day}"], rows).tolist(),
        "distance": [float(value) if value > 0 else None for value in rng.normal(2, 2, rows).astype(np.float32)],
        "late": rng.choice(["yes", "no"], rows).tolist(),
    }
    kinds = pa.schema([("carrier", pa.string()), ("distance", pa.float32()), ("late", pa.string())])
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(table, kinds), folder / "rows.parquet")


def days_in(folder):
    """Five days, of which the third is empty."""
    for day in range(1, 6):
        write(folder / "data" / str(day), day, 0 if day == 3 else 60)
    return {day: Entry(f"2013-01-0{day}", day, str(folder / "data" / str(day)), f"key{day}") for day in range(1, 6)}


@pytest.fixture
def days(tmp_path):
    return days_in(tmp_path)


def stage_in(folder, make_task, patch):
    """Returns what runs ExampleGen, unless it is to take its last examples, and Transform.

    `read` are the files that the analysis opened. If that is all that is asked for, nothing is transformed.
    """
    run = RunConfig(data=folder / "data", output=folder / "run", run_id="test")
    read, runs = [], []
    of_file = compute.Analysis.of_file
    patch.setattr(
        compute.Analysis, "of_file", lambda self, file: (read.append(Path(file).name), of_file(self, file))[1]
    )

    def examples_of(window, split, where):
        examples = standard_artifacts.Examples()
        examples.uri = str(where / "examples")
        data = Data.model_validate({"split": split, "spans": "{SPAN}" if window else None}, strict=False)
        made = example_gen.ExampleGen(str(folder / "data" / "1"), data, LAYOUT, "", window, str(run.span_store))
        context = BaseBeamExecutor.Context(arguments(local().all.beam), unique_id="1", tmp_dir=str(where / "scratch"))
        example_gen.Executor(context).Do({}, {"examples": [examples]}, made.exec_properties)
        return examples

    def of(window, split=BY_SPAN, store=str(run.counts), code="code", task=TASK, is_again=False, is_whole=True):
        read.clear()
        where = folder / str(len(runs))
        runs.append(where)
        of.examples = of.examples if is_again else examples_of(window, split, where)
        kinds = {"carrier": tf.string, "distance": tf.float32, "late": tf.string}
        spec = {name: tf.io.VarLenFeature(kind) for name, kind in kinds.items()}
        schema, graph = standard_artifacts.Schema(), standard_artifacts.TransformGraph()
        schema.uri, graph.uri = str(where / "schema"), str(where / "transform_graph")
        (where / "schema").mkdir(parents=True)
        (where / "schema" / "schema.pbtxt").write_text(
            str(dataset_metadata.DatasetMetadata.from_feature_spec(spec).schema)
        )
        config = {
            "task": make_task(task).to_json(),
            "classes": json.dumps({"late": ["no", "yes"]}),
            "code": code,
            "store": store,
        }
        transform = component.Transform(
            examples=types.Channel(type=standard_artifacts.Examples),
            schema=types.Channel(type=standard_artifacts.Schema),
            preprocessing_fn="components.transform.preprocessing.preprocessing_fn",
            splits_config=transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"]),
            disable_statistics=True,
            disable_analyzer_cache=True,
            custom_config=config,
        )
        of.transformed = standard_artifacts.Examples()
        of.transformed.uri = str(where / "transformed_examples")
        context = BaseBeamExecutor.Context(arguments(local().all.beam), unique_id="1", tmp_dir=str(where / "scratch"))
        with pytest.MonkeyPatch.context() as without:
            if not is_whole:
                without.setattr(component, "write_graph", lambda *_: None)
                without.setattr(component, "materialize", lambda *_: None)
            component.Executor(context).Do(
                {"examples": [of.examples], "schema": [schema]},
                {"transform_graph": [graph], "transformed_examples": [of.transformed]},
                transform.exec_properties,
            )
        of.read = sorted({int(file.split("-")[2]) for file in read}) if window else sorted(read)
        if not is_whole:
            return None
        of.graph = tft.TFTransformOutput(graph.uri)
        return rows_of(of.transformed, "train", of.graph)

    of.store = run.counts
    return of


@pytest.fixture
def stage(tmp_path, make_task, monkeypatch):
    return stage_in(tmp_path, make_task, monkeypatch)


def records_of(examples, split):
    files = sorted(tf.io.gfile.glob(f"{artifact_utils.get_split_uri([examples], split)}/*"))
    return list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())


def rows_of(examples, split, graph):
    """Returns the transformed columns of a split."""
    spec = graph.transformed_feature_spec()
    parsed = tf.io.parse_example(tf.constant(records_of(examples, split), tf.string), spec)
    return {name: tensor.numpy() for name, tensor in parsed.items()}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, err_msg=name)


class TestRolling:
    @pytest.mark.parametrize(("split", "new"), [(BY_SPAN, 4), (BY_HASH, 5)], ids=["span", "hash"])
    def test_the_next_window_reads_the_new_day_alone(self, stage, days, split, new):
        stage([days[day] for day in (1, 2, 3, 4)], split, is_whole=False)
        trained = [1, 2] if split is BY_SPAN else [1, 2, 4]  # The newest day judges; the third is empty.
        assert stage.read == trained
        window = [days[day] for day in (2, 3, 4, 5)]
        rolled = stage(window, split)
        assert stage.read == [new]
        assert_same(rolled, stage(window, store="", is_again=True))
        assert stage.read == ([2, 4] if split is BY_SPAN else [2, 4, 5])
        stage(window, is_again=True, is_whole=False)
        assert stage.read == []

    def test_damaged_and_half_written_files_are_computed_anew(self, stage, days):
        window = [days[day] for day in (1, 2, 4)]
        expected = stage(window)
        [first, *_] = files = sorted(stage.store.iterdir())
        assert {file.name.rpartition("-")[0] for file in files} == {days[day].name for day in (1, 2)}
        first.write_bytes(first.read_bytes()[:-7])
        (stage.store / ".half").write_bytes(b"{")
        assert_same(stage(window, is_again=True), expected)
        assert stage.read == [1]
        assert sorted(stage.store.iterdir()) == files

    def test_a_corrected_day_other_code_and_another_column_are_read_and_another_vocabulary_size_is_not(
        self, stage, days
    ):
        window = [days[day] for day in (1, 2, 4)]
        stage(window, is_whole=False)
        first = stage.examples
        corrected = Entry(days[2].label, 2, days[2].folder, "other")
        stage([days[1], corrected, days[4]], is_whole=False)
        assert stage.read == [2]
        stage.examples = first
        stage(window, code="other", is_again=True, is_whole=False)
        assert stage.read == [1, 2]
        smaller = {**TASK, "features": {**TASK["features"], "carrier": {"type": "categorical", "vocabulary": 2}}}
        stage(window, task=smaller, is_again=True)
        assert stage.read == []
        assert stage.graph.vocabulary_size_by_name("carrier_vocabulary") == 2
        scaled = {**TASK, "features": {**TASK["features"], "distance": {"type": "numeric"}}}
        stage(window, task=scaled, is_again=True, is_whole=False)
        assert stage.read == [1, 2]


def test_data_without_spans_is_read_and_nothing_is_kept(stage, days):
    stage([], BY_HASH)
    assert stage.read == ["data_tfrecord-00000.gz"]
    assert not stage.store.exists()


class TestOutputs:
    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory):
        return tmp_path_factory.mktemp("outputs")

    @pytest.fixture(scope="class")
    def made(self, folder, make_task):
        """The stage after one run, into a folder where a worker was killed before."""
        of_a_killed_worker = folder / "0" / "transformed_examples" / "Split-train" / ".transformed_examples-00000"
        of_a_killed_worker.parent.mkdir(parents=True)
        of_a_killed_worker.write_bytes(b"half a row")
        days = days_in(folder)
        with pytest.MonkeyPatch.context() as patch:
            stage = stage_in(folder, make_task, patch)
            stage.rows = stage([days[day] for day in (1, 2, 4)])
        return stage

    def test_examples_are_transformed_in_their_order_as_the_graph_does(self, made):
        raw = tf.io.parse_example(records_of(made.examples, "train"), made.graph.raw_feature_spec())
        expected = made.graph.transform_features_layer()(raw)
        assert_same(made.rows, {name: tensor.numpy() for name, tensor in expected.items()})
        assert len(made.rows["late_label"]) == 120

    def test_splits_are_named_and_test_is_left_alone(self, made):
        assert artifact_utils.decode_split_names(made.transformed.split_names) == ["train", "eval"]
        folders = {folder.name for folder in Path(made.transformed.uri).iterdir()}
        assert folders == {f"Split-{name}" for name in SPLITS[:2]}
        files = [file.name for file in Path(made.transformed.uri, "Split-train").iterdir()]
        assert sorted(files)[0].startswith("transformed_examples-00000-of-")
        assert not [name for name in files if name.startswith(".")]

    def test_vocabularies_travel_with_the_graph(self, made, folder, tmp_path):
        graph = Path(made.graph.transform_savedmodel_dir).parent.relative_to(folder)
        moved = folder.rename(tmp_path / "moved")
        try:
            output = tft.TFTransformOutput(str(moved / graph))
            vocabulary = output.vocabulary_by_name("carrier_vocabulary")
            assert len(vocabulary) == 3
            columns = output.transform_features_layer()(
                tf.io.parse_example([tf.train.Example().SerializeToString()], output.raw_feature_spec())
            )
            assert columns["carrier_xf"].numpy().tolist() == [0]
        finally:
            moved.rename(folder)
