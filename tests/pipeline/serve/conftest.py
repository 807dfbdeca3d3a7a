"""A small SavedModel as the Trainer exports one, whose answers tell its version, and a server of it."""

import contextlib
import json
import shutil
import threading
import time

import httpx
import pytest

FEATURES = {
    "amount": {"type": "numeric", "dtype": "FLOAT"},
    "count": {"type": "numeric", "dtype": "INT"},
    "colour": {"type": "categorical", "dtype": "BYTES"},
    "photo": {"type": "image", "dtype": "BYTES"},
}
HEADS = {
    "kind": {"type": "multiclass", "classes": ["cat", "dog"], "thresholds": [0.5, 0.5]},
    "tags": {"type": "multilabel", "classes": ["round", "red"], "thresholds": [0.5, 0.5]},
}
SHAPE = (2, 2, 1)


@pytest.fixture(scope="session")
def cat_score():
    """What version and amount, from 0 to 9, the models make a cat of."""
    return lambda version, amount: (amount + version / 10) / 10


@pytest.fixture(scope="session")
def write_model():
    """Writes a SavedModel whose answers depend on `version`, and, if it looks at them, on photos."""
    import tensorflow as tf

    from components import images
    from components.trainer import raw_columns

    kinds = {"FLOAT": tf.float32, "INT": tf.int64, "BYTES": tf.string}
    spec = {name: tf.io.VarLenFeature(kinds[part["dtype"]]) for name, part in FEATURES.items()}

    class Toy(tf.Module):
        def __init__(self, version, looks):
            super().__init__()
            self.share = tf.Variable(version / 10)
            self.looks = looks

        def answers(self, raw):
            dense = {name: tf.sparse.to_dense(column)[:, 0] for name, column in raw.items()}
            first = (dense["amount"] + self.share) / 10
            first = tf.where(tf.abs(dense["amount"]) < 1e30, first, float("nan"))
            brightness = tf.zeros_like(first)
            if self.looks:
                pixels = images.decode_batch(dense["photo"], SHAPE)
                brightness = tf.reduce_mean(tf.cast(pixels, tf.float32), [1, 2, 3])
            applies = tf.stack([dense["count"] > 0, dense["colour"] == "red"], axis=1)
            rows = tf.shape(first)[0]
            return {
                "kind/scores": tf.stack([first, 1 - first], axis=1),
                "kind/classes": tf.repeat([["cat", "dog"]], rows, axis=0),
                "kind/label": tf.where(first >= 0.5, "cat", "dog"),
                "tags/scores": tf.cast(applies, tf.float32) - brightness[:, tf.newaxis] / 1024,
                "tags/classes": tf.repeat([["round", "red"]], rows, axis=0),
                "tags/labels": tf.where(applies, [["round", "red"]], ""),
            }

        @tf.function(input_signature=[raw_columns.tensor_specs(spec)])
        def serving_default(self, columns):
            # TensorFlow makes dense columns of no value (0) wide.
            sparse = raw_columns.to_sparse(columns)
            return self.answers({name: tf.sparse.reset_shape(c, [c.dense_shape[0], 1]) for name, c in sparse.items()})

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serving_tf_example(self, examples):
            raw = tf.io.parse_example(examples, spec)
            return self.answers({n: tf.sparse.reset_shape(c, [c.dense_shape[0], 1]) for n, c in raw.items()})

    def write(folder, version, looks=True):
        toy = Toy(version, looks)
        signatures = {"serving_default": toy.serving_default, "serving_tf_example": toy.serving_tf_example}
        tf.saved_model.save(toy, str(folder), signatures=signatures)
        (folder / "assets.extra").mkdir()
        described = {"task": "toy", "heads": HEADS, "features": FEATURES}
        (folder / "assets.extra" / "multihead.json").write_text(json.dumps(described))
        return folder

    return write


@pytest.fixture(scope="session")
def models(write_model, tmp_path_factory):
    """Versions 1 to 4, to be copied into a serving folder."""
    folder = tmp_path_factory.mktemp("models")
    return [write_model(folder / str(version), version) for version in range(1, 5)]


@pytest.fixture
def folder(tmp_path):
    """A serving folder."""
    (tmp_path / "serving").mkdir()
    return tmp_path / "serving"


@pytest.fixture
def push(models, folder):
    """Puts versions into the serving folder as a push does: whole, at once."""

    def push(*versions):
        for version in versions:
            shutil.copytree(models[version - 1], folder / ".new")
            (folder / ".new").rename(folder / str(version))

    return push


@pytest.fixture(scope="session")
def wait_until():
    """Waits until something is true, and fails if it never is."""

    def wait(is_true, seconds=60):
        end = time.monotonic() + seconds
        while not is_true():
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def servable(models):
    """Version 1, loaded."""
    from components.servable import Servable

    return Servable.load(models[0])


@pytest.fixture(scope="session")
def photo():
    """A PNG of one grey."""
    import tensorflow as tf

    return tf.io.encode_png(tf.fill((2, 2, 1), tf.constant(128, tf.uint8))).numpy()


@pytest.fixture(scope="session")
def run_server(wait_until):
    """Runs a server of a serving folder in a thread of this process; yields a client, once a model is loaded."""
    import uvicorn

    from pipeline.serve.app import create_app
    from pipeline.serve.models import Models, Watcher

    @contextlib.contextmanager
    def run(folder, max_rows=8, max_body=100_000, poll=0.05, is_loaded=True):
        models = Models("toy", folder)
        app = create_app(models, Watcher(models, poll), max_rows, max_body)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            wait_until(lambda: server.started)
            port = server.servers[0].sockets[0].getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                if is_loaded:
                    wait_until(lambda: client.get("/healthz").status_code == 200)
                yield client
        finally:
            server.should_exit = True
            thread.join()

    return run
