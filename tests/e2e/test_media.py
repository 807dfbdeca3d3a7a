"""The whole pipeline on real emoji: pictures from files, words, a head whose labels are mostly missing, and tags."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import yaml

from pipeline.datasets import make_dataset
from schema.contract import find_task

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MULTIHEAD = Path(sys.executable).with_name("multihead")
WORDS = ("face", "hand", "person")
ROWS = 900


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """The emoji task with a head of tags, three words that a name may hold, for a smaller and faster model."""
    folder = tmp_path_factory.mktemp("task")
    shipped = find_task("emoji")
    spec = yaml.safe_load((shipped / "task.yaml").read_text(encoding="utf-8"))
    spec["features"]["image"]["shape"] = [16, 16, 3]
    spec["features"]["image"]["encoder"]["filters"] = [8, 8]
    spec["heads"]["words"] = {"type": "multilabel", "threshold": {"metric": "f1"}}
    spec["training"] |= {"epochs": 3, "ema": None}
    spec["gates"] = {
        "topic": [{"metric": "accuracy", "min": 0.2}],
        "sentiment": "none",
        "words": [{"metric": "macro_f1", "min": 0.1}, {"metric": "log_loss", "max": 1.0}],
    }
    (folder / "task.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    values = " ".join(f'value: "{word}"' for word in WORDS)
    tags = f'\nfeature {{ name: "words" type: BYTES string_domain {{ {values} }} not_in_environment: "SERVING" }}\n'
    schema = (shipped / "schema.pbtxt").read_text(encoding="utf-8")
    (folder / "schema.pbtxt").write_text(schema + tags, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Every fourth emoji; nobody has said of every tenth which words it holds, and most hold none."""
    folder = tmp_path_factory.mktemp("data")
    table = pq.read_table(make_dataset("emoji", folder).path)
    table = table.take(list(range(0, table.num_rows, table.num_rows // ROWS))[:ROWS])
    texts = table["text"].to_pylist()
    words = [None if i % 10 == 0 else [w for w in WORDS if w in text.split()] for i, text in enumerate(texts)]
    table = table.append_column("words", pa.array(words, pa.list_(pa.string())))
    pq.write_table(table, folder / "emoji.parquet")
    return folder


@pytest.fixture(scope="module")
def report(task, data, tmp_path_factory):
    output = tmp_path_factory.mktemp("run")
    command = [str(MULTIHEAD), "run", str(task), "--data", str(data), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(next(output.glob("reports/*/report.json")).read_text(encoding="utf-8"))


def test_every_head_is_measured_on_its_labelled_rows(report, data):
    table = pq.read_table(data / "emoji.parquet")
    for name, head in report["heads"].items():
        assert sum(head["labelled"].values()) == table.num_rows - table[name].null_count
        assert {"auc", "ece", "ece_uncalibrated"} <= set(head["overall"])
    assert report["heads"]["words"]["type"] == "multilabel"
    assert list(report["heads"]["words"]["thresholds"]) == list(WORDS)


def test_a_request_with_picture_and_words_is_answered_by_all_heads(report, data):
    row = pq.read_table(data / "emoji.parquet").slice(0, 1).to_pylist()[0]
    values = {"image": (data / row["image"]).read_bytes(), "text": row["text"].encode()}
    features = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for name, value in values.items()}
    request = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    model = tf.saved_model.load(report["pushed"])
    answer = {
        key: value.numpy() for key, value in model.signatures["serving_tf_example"](tf.constant([request])).items()
    }
    assert answer["topic/scores"].sum() == pytest.approx(1, abs=1e-5)
    assert answer["topic/label"][0].decode() in report["heads"]["topic"]["classes"]
    thresholds = list(report["heads"]["words"]["thresholds"].values())
    decided = [
        word.encode() if score >= limit else b""
        for word, score, limit in zip(WORDS, answer["words/scores"][0], thresholds, strict=True)
    ]
    assert decided == answer["words/labels"][0].tolist()


def test_a_broken_picture_is_named_with_table_and_row(task, data, tmp_path):
    table = pq.read_table(data / "emoji.parquet").slice(0, 60)
    pq.write_table(table, tmp_path / "emoji.parquet")
    for path in table["image"].to_pylist():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes((data / path).read_bytes())
    broken = table["image"][6].as_py()
    (tmp_path / broken).write_bytes(b"no picture")
    command = [str(MULTIHEAD), "run", str(task), "--data", str(tmp_path), "--output", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout
    assert f"{tmp_path / 'emoji.parquet'}" in done.stdout
    assert "row 7" in done.stdout
    assert "image" in done.stdout
