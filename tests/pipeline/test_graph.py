"""What identifies the data and a training, so that the cache and the baseline know them."""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.example_gen.spans import Span
from components.pusher.serving import push
from pipeline.config import RunConfig
from pipeline.graph import NEVER_CACHED, build_pipeline
from pipeline.identity import data_fingerprint, training_digest
from schema.contract import load_contract
from schema.errors import DataError


@pytest.fixture
def media(write_task, toy_task, toy_schema):
    """Loads the toy task with an image and a multilabel head."""
    toy_task["features"]["photo"] = {"type": "image", "shape": [96, 96, 3], "source": "path"}
    toy_task["heads"]["tags"] = {"type": "multilabel"}
    toy_task["gates"]["tags"] = "none"
    toy_schema += 'feature { name: "photo" type: BYTES }\n'
    toy_schema += 'feature { name: "tags" type: BYTES string_domain { value: "a" } not_in_environment: "SERVING" }\n'
    folder = write_task(pbtxt=toy_schema)
    return lambda *overrides: load_contract(folder, overrides)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    pq.write_table(pa.table({"photo": ["a.png", "../b.png", "c.png"]}), folder / "rows.parquet")
    for file in (folder / "a.png", tmp_path / "b.png"):
        file.write_bytes(b"1")
    return folder


def test_an_image_that_is_written_added_or_removed_changes_the_data(media, data):
    contract = media()
    seen = [data_fingerprint(contract, data)]
    assert data_fingerprint(contract, data) == seen[0]
    changes = [
        lambda: (data / "a.png").write_bytes(b"22"),
        lambda: os.utime(data.parent / "b.png", ns=(0, 0)),
        lambda: (data / "c.png").write_bytes(b"1"),
        lambda: (data / "a.png").unlink(),
    ]
    for change in changes:
        change()
        seen.append(data_fingerprint(contract, data))
    assert len(set(seen)) == len(seen)
    (data / "other.png").write_bytes(b"1")  # No row names it.
    assert data_fingerprint(contract, data) == seen[-1]


def test_images_of_bytes_are_part_of_the_table(media, data):
    contract = media("features.photo.source=bytes")
    before = data_fingerprint(contract, data)
    (data / "a.png").write_bytes(b"22")
    assert data_fingerprint(contract, data) == before


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        ("heads.tags.separator=;", True),
        ("features.photo.source=bytes", True),
        ("training.epochs=2", True),
        ("features.amount.scaling=none", True),
        ("slices=[]", False),
        ("gates.kind=none", False),
    ],
)
def test_a_training_is_all_that_makes_the_model(media, override, changed):
    assert (training_digest(media(override), "rows") != training_digest(media(), "rows")) == changed


def test_other_rows_or_other_contents_of_a_weights_file_are_another_training(media):
    file = media().folder / "v3.weights.h5"
    override = "features.photo.encoder={type: inception_v3, weights: v3.weights.h5}"
    digests = [training_digest(media(), "rows"), training_digest(media(), "other rows")]
    for contents in (b"1", b"2"):
        file.write_bytes(contents)
        digests.append(training_digest(media(override), "rows"))
    assert len(set(digests)) == 4


def test_the_pipeline_works_with_the_schema_that_allows_rows_without_tags(media, data, tmp_path):
    contract = media()
    pipeline = build_pipeline(contract, RunConfig(data=data, output=tmp_path / "run", run_id="1"))
    [schema] = [node for node in pipeline.components if node.id == "ImportSchemaGen"]
    assert text_format.Parse(schema.exec_properties["text"], schema_pb2.Schema()) == contract.schema
    assert 'value: ""' in schema.exec_properties["text"]


def test_the_canary_asks_the_new_model_about_raw_rows_before_the_verdict_and_is_cached(media, data, tmp_path):
    pipeline = build_pipeline(media(), RunConfig(data=data, output=tmp_path / "run", run_id="1"))
    by_id = {node.id: node for node in pipeline.components}
    canary = by_id["Canary"]
    given = {name: (channel.producer_component_id, channel.output_key) for name, channel in canary.inputs.items()}
    assert given == {"examples": ("ExampleGen", "examples"), "model": ("Trainer", "model")}
    assert by_id["Report"].inputs["canary"].producer_component_id == "Canary"
    assert "Canary" not in NEVER_CACHED


def test_statistics_of_spans_are_kept_beside_their_counts_and_depend_on_no_class(write_task, toy_schema, tmp_path):
    spans = ["data.spans='{SPAN}'"]
    first = stages_of_days(load_contract(write_task(), spans), tmp_path)
    given = first["StatisticsGen"].exec_properties
    assert given["store"] == first["Drift"].exec_properties["store"]
    other = toy_schema.replace('value: "blue"', 'value: "pink"')
    assert (
        stages_of_days(load_contract(write_task(pbtxt=other), spans), tmp_path)["StatisticsGen"].exec_properties
        == given
    )
    other = toy_schema.replace('"amount" type: FLOAT', '"amount" type: INT')
    assert (
        stages_of_days(load_contract(write_task(pbtxt=other), spans), tmp_path)["StatisticsGen"].exec_properties
        != given
    )


def test_a_run_without_a_baseline_has_none_and_tells_the_report_why(media, data, tmp_path):
    def nodes(**given):
        pipeline = build_pipeline(media(), RunConfig(data=data, output=tmp_path / "run", run_id="1", **given))
        return {node.id: node.exec_properties for node in pipeline.components}

    first, other, cold = nodes(no_baseline="because"), nodes(no_baseline="other"), nodes()
    assert [of["Baseline"] for of in (first, other)] == [cold["Baseline"]] * 2
    # The cache keeps what was computed, and the report still has each run's own words.
    assert {stage for stage in first if first[stage] != other[stage]} == {"Report"}
    assert first["Report"]["no_baseline"].endswith("as the run asked for: because")
    assert [of["Pusher"]["replace_pointer"] for of in (first, cold)] == [1, 0]


def test_only_a_warm_start_makes_a_training_depend_on_the_last_blessed_model(media, data, tmp_path):
    serving = tmp_path / "run" / "serving"

    def bless(version):
        model = tmp_path / f"model {version}"
        model.mkdir()
        (model / "fingerprint.pb").write_text(version)
        push(model, serving, source=version, training=version, baseline=None)

    def nodes(*overrides):
        run = RunConfig(data=data, output=tmp_path / "run", run_id="1")
        return {node.id: node for node in build_pipeline(media(*overrides), run).components}

    def of_trainer(found):
        return found["Trainer"].exec_properties["custom_config"], found["Pusher"].exec_properties["training"]

    warm = "training.warm_start=true"
    cold = nodes()
    began = [nodes(warm)]
    for version in ("1", "2"):
        bless(version)
        began.append(nodes(warm))
        assert of_trainer(nodes()) == of_trainer(cold)
    assert "base_model" not in cold["Trainer"].inputs
    for found, version in zip(began, ("", "1", "2"), strict=True):
        channel = found["Trainer"].inputs["base_model"]
        assert (channel.producer_component_id, channel.output_key) == ("Baseline", "model")
        folder = found["Baseline"].exec_properties["version"]
        assert folder == (str(serving / version) if version else "")
        assert json.loads(of_trainer(found)[0])["from"] == folder
    assert len({of_trainer(found) for found in [cold, *began]}) == 4
    assert len({of_trainer(found)[1] for found in [cold, *began]}) == 4


def test_a_damaged_serving_folder_stops_a_run_that_would_compare_and_no_other(media, data, tmp_path):
    serving = tmp_path / "run" / "serving"
    serving.mkdir(parents=True)
    (serving / "blessed.json").write_text("{")
    with pytest.raises(DataError, match=r"blessed\.json: .*--no-baseline"):
        build_pipeline(media(), RunConfig(data=data, output=tmp_path / "run", run_id="1"))
    run = RunConfig(data=data, output=tmp_path / "run", run_id="1", no_baseline="damaged")
    assert "Pusher" in [node.id for node in build_pipeline(media(), run).components]


def stages_of_days(contract, tmp_path, **given):
    """Stages by id, of a run on two spans."""
    spans = []
    for number in (1, 2):
        folder = tmp_path / "days" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "rows.parquet").exists():
            pq.write_table(pa.table({"amount": [1.0]}), folder / "rows.parquet")
        spans.append(Span(str(number), number, None, str(folder)))
    run = RunConfig(data=tmp_path / "days", output=tmp_path / "run", run_id="1", spans=tuple(spans), **given)
    return {node.id: node for node in build_pipeline(contract, run).components}


def test_drift_is_looked_for_between_the_gate_and_everything_dear(write_task, tmp_path):
    by_id = stages_of_days(load_contract(write_task(), ["data.spans='{SPAN}'", "drift=stop"]), tmp_path)
    drift = by_id["Drift"]
    assert drift.exec_properties["mode"] == "stop"
    assert by_id["DataGate"] in drift.upstream_nodes
    assert drift in by_id["Transform"].upstream_nodes
    assert drift in by_id["Baseline"].upstream_nodes
    assert "Drift" not in NEVER_CACHED


@pytest.mark.parametrize("overrides", [["data.spans='{SPAN}'", "drift=off"], []], ids=["off", "no spans"])
def test_without_spans_or_if_off_nobody_looks_for_drift(write_task, data, tmp_path, overrides):
    contract = load_contract(write_task(), overrides)
    if overrides:
        by_id = stages_of_days(contract, tmp_path)
    else:
        pipeline = build_pipeline(contract, RunConfig(data=data, output=tmp_path / "run", run_id="1"))
        by_id = {node.id: node for node in pipeline.components}
    assert "Drift" not in by_id
    assert by_id["DataGate"] in by_id["Transform"].upstream_nodes


def test_how_many_spans_judge_and_what_is_counted(write_task, toy_schema, tmp_path):
    split = ["data.spans='{SPAN}'", "data.split={by: span, newest: 1}"]
    first = stages_of_days(load_contract(write_task(), split), tmp_path)
    assert first["Drift"].exec_properties["judging"] == 1
    stated = toy_schema.replace(
        'feature { name: "amount" ',
        'feature { name: "amount" skew_comparator { jensen_shannon_divergence { threshold: 0.5 } } ',
    )
    second = stages_of_days(load_contract(write_task(pbtxt=stated), split), tmp_path)
    # Another threshold compares anew, and neither counts nor trains anything anew.
    changed = {name for name in first if first[name].exec_properties != second[name].exec_properties}
    assert changed == {"Drift"}
    assert first["Drift"].exec_properties["fingerprint"] == second["Drift"].exec_properties["fingerprint"]
