"""A small task with a served model of two versions, made by hand: its answers are known, and it is quick to load."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

TASK = {
    "task": "toy",
    "features": {
        "amount": {"type": "numeric"},
        "code": {"type": "categorical"},
        "colour": {"type": "text"},
        "photo": {"type": "image", "shape": [2, 2, 3], "source": "path", "encoder": {"filters": [2]}},
    },
    "heads": {"kind": {"type": "multiclass"}, "tags": {"type": "multilabel"}},
    "gates": {"kind": "none", "tags": "none"},
}
SCHEMA = """\
default_environment: "TRAINING"
default_environment: "SERVING"
feature { name: "amount" type: FLOAT presence { min_count: 1 } }
feature { name: "code" type: INT presence { min_count: 1 } }
feature { name: "colour" type: BYTES }
feature { name: "photo" type: BYTES }
feature { name: "kind" type: BYTES string_domain { value: "cat" value: "dog" } not_in_environment: "SERVING" }
feature { name: "tags" type: BYTES string_domain { value: "wet" value: "new" } not_in_environment: "SERVING" }
"""
REFUSED = "unspeakable"  # The model answers no row of this colour.


def _save(folder, shift):
    import tensorflow as tf

    from components import images
    from schema import names

    kinds = {"amount": tf.float32, "code": tf.int64, "colour": tf.string, "photo": tf.string}
    spec = {name: tf.io.FixedLenFeature([], kind, "" if kind == tf.string else 0) for name, kind in kinds.items()}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def answer(examples):
        raw = tf.io.parse_example(examples, spec)
        is_refused = tf.reduce_any(tf.equal(raw["colour"], REFUSED))
        with tf.control_dependencies([tf.debugging.Assert(~is_refused, ["no such colour"])]):
            light = tf.reduce_mean(tf.cast(images.decode_batch(raw["photo"], (2, 2, 3)), tf.float32) / 255, [1, 2, 3])
        amount = tf.where(tf.abs(raw["amount"]) < 1e30, raw["amount"], float("nan"))
        logit = amount + light + shift
        dog = tf.sigmoid(logit)
        tags = tf.stack([light, tf.cast(raw["code"], tf.float32) / 10], axis=1)
        kinds, words = tf.constant(["cat", "dog"]), tf.constant(["wet", "new"])
        return {
            names.scores("kind"): tf.stack([1 - dog, dog], axis=1),
            names.decided("kind"): tf.gather(kinds, tf.cast(dog > 0.5, tf.int32)),
            names.scores("tags"): tags,
            names.decided_tags("tags"): tf.where(tags >= 0.5, words, ""),
        }

    module = tf.Module()
    module.answer = answer
    tf.saved_model.save(module, str(folder), signatures={names.SERVING_TF_EXAMPLE: answer})
    described = {
        "task": "toy",
        "heads": {
            "kind": {"type": "multiclass", "classes": ["cat", "dog"], "thresholds": [0.5, 0.5]},
            "tags": {"type": "multilabel", "classes": ["wet", "new"], "thresholds": [0.5, 0.5]},
        },
        "features": {
            "amount": {"type": "numeric", "dtype": "FLOAT"},
            "code": {"type": "categorical", "dtype": "INT"},
            "colour": {"type": "text", "dtype": "BYTES"},
            "photo": {"type": "image", "dtype": "BYTES"},
        },
    }
    (folder / "assets.extra").mkdir()
    (folder / "assets.extra" / "multihead.json").write_text(json.dumps(described), encoding="utf-8")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A run's folder with the served versions 1 and 2; version 2 is surer of dogs."""
    folder = tmp_path_factory.mktemp("run")
    for version, shift in {1: 0.0, 2: 3.0}.items():
        _save(folder / "serving" / str(version), shift)
    return folder


@pytest.fixture
def model(run_folder):
    """The latest version."""
    return run_folder / "serving" / "2"


@pytest.fixture
def contract(write_task):
    """The toy task."""
    from schema.contract import load_contract

    return load_contract(write_task(TASK, SCHEMA))


@pytest.fixture
def as_csv(write_task):
    """The toy task, which says that its data is CSV."""
    from schema.contract import load_contract

    return load_contract(write_task(TASK, SCHEMA), ["data.format=csv"])


@pytest.fixture
def photos(tmp_path):
    """A folder for data with a black and a white picture and one that is none."""
    import tensorflow as tf

    folder = tmp_path / "data"
    folder.mkdir()
    for name, value in {"black": 0, "white": 255}.items():
        image = tf.io.encode_png(np.full((2, 2, 3), value, np.uint8)).numpy()
        (folder / f"{name}.png").write_bytes(image)
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def table():
    """Good rows: the columns of the model, a key and a label."""
    count = 40
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "id": pa.array([f"row {i}" for i in range(count)]),
            "amount": pa.array([None if i % 7 == 3 else float(v) for i, v in enumerate(rng.normal(-2, 2, count))]),
            "code": pa.array(range(count)),
            "colour": pa.array([None if i % 5 == 0 else "red" for i in range(count)]),
            "photo": pa.array([None if i % 3 == 0 else ["black.png", "white.png"][i % 2] for i in range(count)]),
            "kind": pa.array(["cat", None] * (count // 2)),
        }
    )


@pytest.fixture
def rows(photos, table):
    """The same as two files in a folder, cut into row groups."""
    pq.write_table(table.slice(0, 25), photos / "0.parquet", row_group_size=10)
    pq.write_table(table.slice(25), photos / "1.parquet")
    return photos


@pytest.fixture
def set_row():
    """Returns a table in which one row has another value."""

    def change(table: pa.Table, column: str, row: int, value):
        values = table[column].to_pylist()
        values[row] = value
        return table.set_column(table.schema.get_field_index(column), column, pa.array(values, table[column].type))

    return change


@pytest.fixture
def predict(contract, run_folder, tmp_path):
    """Predicts data as the command does; returns the rows in and out, and what stands in the side file."""
    from components.exported import read_exported
    from pipeline.config import RunConfig
    from pipeline.predict.model import find_model
    from pipeline.predict.plan import make_plan
    from pipeline.predict.run import predict
    from pipeline.predict.target import Target

    def call(data: Path, output: Path = tmp_path / "out.parquet", keep=(), version=None, task=contract):
        config = RunConfig(data, run_folder, "test")
        model = find_model(config.serving, version)
        target = Target(output)
        target.check(data)
        plan = make_plan(task, data, model, read_exported(model), keep)
        counts = predict(plan, target, config.profile)
        rejected = pq.read_table(target.rejected) if target.rejected.exists() else None
        return counts, pq.read_table(output), rejected

    return call
