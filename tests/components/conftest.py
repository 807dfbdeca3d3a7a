"""What is dear and shared: one run of TensorFlow Transform, one exported model.

TensorFlow is imported inside the fixtures: tests that do not ask for it do not pay for it.
"""

import dataclasses
import functools
import json
from pathlib import Path

import numpy as np
import pytest

from schema.columns import column_types
from schema.names import MISSING_INT
from schema.task import TaskSpec

_TASK = {
    "task": "sample",
    "features": {
        "height": {"type": "numeric", "scaling": "zscore"},
        "age": {"type": "numeric", "scaling": "minmax"},
        "score": {"type": "numeric", "scaling": "none", "missing_indicator": False},
        "city": {"type": "categorical", "vocabulary": 2, "oov": 1, "embedding": 3},
        "code": {"type": "categorical", "vocabulary": 10, "oov": 2, "embedding": 4},
        "note": {"type": "text", "tokens": 3, "vocabulary": 4, "encoder": {"type": "bag", "embedding": 4}},
        "photo": {"type": "image", "shape": [6, 8, 3], "encoder": {"filters": [4, 5], "units": 5}},
    },
    # In reverse alphabetical order, with different numbers of classes and every rule of class weights.
    "heads": {
        "zone": {"type": "multiclass", "loss": {"class_weights": "balanced"}},
        "mood": {"type": "multiclass", "loss": {"class_weights": {"glad": 4.0}}, "depends_on": ["kind"]},
        "kind": {"type": "multiclass", "loss": {"class_weights": "effective_number"}},
        "fit": {"type": "multiclass"},
        "tags": {"type": "multilabel", "loss": {"class_weights": "balanced"}, "threshold": {"metric": "f1"}},
    },
    "slices": [["city"]],
    "gates": {"zone": [{"metric": "accuracy", "min": 0.1, "slice": {"code": 7}}], "mood": "none", "kind": "none"}
    | {"fit": "none", "tags": "none"},
}
_CLASSES = {"zone": ("in", "out"), "mood": ("sad", "fine", "glad"), "kind": ("a", "b", "c"), "fit": ("no", "yes")}
_CLASSES |= {"tags": ("x", "y", "z")}
_FLOATS, _INTS = ("height", "score"), ("age", "code")
_COLUMNS = ("height", "age", "score", "city", "code", "note", "photo", "day", *_CLASSES)

# `photo` names one of Sample.photos; `day` is no feature; None is missing, and [""] "no tag". `city` has more values
# than its vocabulary, and no row is of `kind` c.
_TRAINING_ROWS = [
    # height, age, score, city, code, note, photo, day, zone, mood, kind, fit, tags
    (1.0, 10, 5.0, "oslo", 7, "Red, red SKY!", "red", "mon", "in", "sad", "a", "no", ["x"]),
    (2.0, None, -5.0, "oslo", 7, "blue sky", "grey", "mon", "in", "sad", "a", "no", ["x", "y"]),
    (3.0, 20, None, "oslo", 8, "", None, "mon", "in", "fine", "a", "yes", [""]),
    (6.0, 40, 0.5, "rome", 7, "sky sea red one two", "red", "tue", "out", "glad", "b", None, None),
    (None, 30, 1.5, "rome", None, None, "clear", "tue", None, "sad", "a", "no", ["z", "x"]),
    (None, None, None, None, 9, "sea", "grey", "tue", "in", None, None, None, [""]),
    (8.0, 50, 2.5, "bonn", 8, "...", "red", "wed", "elsewhere", "fine", "b", "yes", ["x"]),
]


@dataclasses.dataclass(frozen=True)
class Sample:
    """A small task and rows of it."""

    task: TaskSpec
    classes: dict[str, tuple[str, ...]]
    rows: list[dict]

    @staticmethod
    def feature_spec():
        import tensorflow as tf

        kinds = {name: tf.float32 if name in _FLOATS else tf.int64 for name in (*_FLOATS, *_INTS)}
        return {name: tf.io.VarLenFeature(kinds.get(name, tf.string)) for name in _COLUMNS}

    @staticmethod
    @functools.cache
    def photos():
        """Encoded images by name: of another size than the task's, grey, and with an alpha channel."""
        import tensorflow as tf

        red = np.zeros((6, 8, 3), np.uint8)
        red[..., 0] = np.arange(48).reshape(6, 8) * 5
        grey = np.arange(20, dtype=np.uint8).reshape(4, 5, 1) * 10
        clear = np.concatenate([red, np.full((6, 8, 1), 40, np.uint8)], axis=-1)
        encoded = {"red": tf.io.encode_jpeg(red), "grey": tf.io.encode_png(grey), "clear": tf.io.encode_png(clear)}
        return {name: image.numpy() for name, image in encoded.items()}

    def serialize(self, rows):
        """Returns rows as serialized tf.Examples; what is None, or not in the row, is absent."""
        import tensorflow as tf

        def feature(name, value):
            if name == "photo":
                return tf.train.Feature(bytes_list=tf.train.BytesList(value=[self.photos()[value]]))
            if name == "tags":
                return tf.train.Feature(bytes_list=tf.train.BytesList(value=[tag.encode() for tag in value]))
            if name in _FLOATS:
                return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
            if name in _INTS:
                return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))

        return [
            tf.train.Example(
                features=tf.train.Features(feature={k: feature(k, v) for k, v in row.items() if v is not None})
            ).SerializeToString()
            for row in rows
        ]

    def columns(self, rows):
        """Returns rows as named tensors `(rows,)`, with what stands for a missing value where there is none."""
        return {name: self._column(name, [row.get(name) for row in rows]) for name in self.task.features}

    def _column(self, name, values):
        if name == "photo":
            return np.array([b"" if value is None else self.photos()[value] for value in values], object)
        if name in _FLOATS:
            return np.array([np.nan if value is None else value for value in values], np.float32)
        if name in _INTS:
            return np.array([MISSING_INT if value is None else value for value in values], np.int64)
        return np.array([value or "" for value in values], object)

    def parse(self, rows):
        """Returns rows as the sparse tensors that TensorFlow Transform is given."""
        import tensorflow as tf

        return tf.io.parse_example(tf.constant(self.serialize(rows)), self.feature_spec())

    def even_counts(self):
        """Returns label counts of one row per class or, of tags, with and without it."""
        shapes = {head: (len(c), 2) if head == "tags" else (len(c),) for head, c in self.classes.items()}
        return {head: np.ones(shape, int) for head, shape in shapes.items()}

    def draw(self, count, seed=0):
        """Returns random rows, some values and labels missing."""
        rng = np.random.default_rng(seed)
        values = {
            "height": lambda: float(rng.normal(4, 2)),
            "age": lambda: int(rng.integers(10, 60)),
            "score": lambda: float(rng.normal()),
            "city": lambda: str(rng.choice(["oslo", "rome", "bonn", "lima"])),
            "code": lambda: int(rng.integers(6, 10)),
            "note": lambda: " ".join(rng.choice(["red", "Sky", "sea,", "blue"], rng.integers(0, 5))),
            "photo": lambda: str(rng.choice(["red", "grey", "clear"])),
            "day": lambda: "sun",
        }
        values |= {head: functools.partial(rng.choice, names) for head, names in self.classes.items()}
        values["tags"] = lambda: [tag for tag in self.classes["tags"] if rng.random() < 0.4] or [""]
        return [
            {name: None if rng.random() < 0.2 else _plain(value()) for name, value in values.items()}
            for _ in range(count)
        ]


def _plain(value):
    return str(value) if isinstance(value, np.str_) else value


# As pipeline/config.py has it, and why.
_BEAM_ARGUMENTS = [
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
]


@pytest.fixture(scope="session")
def beam_arguments():
    """Beam in this process."""
    return list(_BEAM_ARGUMENTS)


@pytest.fixture(scope="session")
def make_task():
    """Makes a TaskSpec from plain data."""
    return lambda data: TaskSpec.model_validate_json(json.dumps(data))


@pytest.fixture(scope="session")
def sample(make_task):
    """A task of five features and four heads, and seven training rows."""
    return Sample(make_task(_TASK), _CLASSES, [dict(zip(_COLUMNS, row, strict=True)) for row in _TRAINING_ROWS])


@pytest.fixture(scope="session")
def transform_folder(sample, tmp_path_factory):
    """What Transform learns from the sample's training rows."""
    import tensorflow as tf
    from tensorflow_transform.tf_metadata import dataset_metadata

    from components.transform.analysis import learnt
    from components.transform.analysis.analysis import Analysis
    from components.transform.graph import write_graph
    from components.transform.preprocessing import preprocessing_fn

    folder, rows = tmp_path_factory.mktemp("transform"), tmp_path_factory.mktemp("rows")
    with tf.io.TFRecordWriter(str(rows / "rows.gz"), "GZIP") as writer:
        for record in sample.serialize(sample.rows):
            writer.write(record)
    schema = dataset_metadata.DatasetMetadata.from_feature_spec(sample.feature_spec()).schema
    config = {"task": sample.task.to_json(), "classes": json.dumps(sample.classes), "learnt": str(rows / "learnt")}
    analysis = Analysis(config["task"], config["classes"], column_types(schema))
    learnt.save(config["learnt"], analysis.merged([analysis.of_file(str(rows / "rows.gz"))]))
    write_graph(functools.partial(preprocessing_fn, custom_config=config), schema, str(folder))
    return folder


@pytest.fixture(scope="session")
def transform_output(transform_folder):
    """The same, read back."""
    import tensorflow_transform as tft

    return tft.TFTransformOutput(str(transform_folder))


@pytest.fixture(scope="session")
def sample_model(sample, transform_output):
    """An untrained model of the sample, with an optimizer, whose answers differ from row to row."""
    import keras

    from components.trainer.model import build_model
    from components.transform.features.vocabulary import numbers_of_ids

    keras.utils.set_random_seed(0)
    model = build_model(sample.task, numbers_of_ids(sample.task, transform_output), sample.even_counts())
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, (2 / variable.shape[0]) ** 0.5, variable.shape))
    model.compile("adamw")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="session")
def calibrations(sample):
    """How the sample's heads answer: each as another fit might have it."""
    from components.trainer.calibration import Calibration
    from components.trainer.model import class_shares

    found = {}
    for i, (name, counts) in enumerate(sample.even_counts().items()):
        weights = np.linspace(0.8, 1.2, counts.size).reshape(counts.shape)
        thresholds = np.linspace(0.3, 0.6, len(counts))
        head, classes = sample.task.heads[name], sample.classes[name]
        found[name] = Calibration(head, classes, class_shares(counts), np.log(weights), 1.0 + i / 2, thresholds)
    return found


@pytest.fixture(scope="session")
def exported(sample, sample_model, transform_output, calibrations, tmp_path_factory):
    """The same model as a Trainer artifact's folder; the SavedModel lies in `Format-Serving`."""
    from components.trainer.export import export

    folder = tmp_path_factory.mktemp("model")
    export(sample_model, transform_output, sample.task, calibrations, Path(folder / "Format-Serving"))
    return folder


@pytest.fixture(scope="session")
def loaded(exported):
    """What TensorFlow loads of it, once: to load it takes seconds, and so does each signature's first answer."""
    import tensorflow as tf

    return tf.saved_model.load(str(exported / "Format-Serving"))


@pytest.fixture(scope="session")
def servable(exported, loaded):
    """The same as a Servable."""
    from components.exported import read_exported
    from components.servable import Servable

    folder = exported / "Format-Serving"
    return Servable(folder, read_exported(folder), loaded)
