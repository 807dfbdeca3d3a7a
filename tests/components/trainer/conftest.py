"""Rows that are easy to learn, in memory, and training on them as the Trainer does."""

import copy
import dataclasses

import numpy as np
import pytest

# In reverse alphabetical order, with different numbers of classes.
NUM_CLASSES = {"zebra": 2, "mango": 3, "apple": 4}
_NUM_COLOURS = 4
_TASK = {
    "task": "toy",
    "features": {
        "x": {"type": "numeric", "missing_indicator": False},
        "y": {"type": "numeric", "missing_indicator": False},
        "colour": {"type": "categorical", "embedding": 8},
    },
    "trunk": {"units": [32], "dropout": 0.0},
    "heads": {head: {"type": "multiclass", "units": [8]} for head in NUM_CLASSES},
    "training": {"epochs": 8, "batch_size": 75, "learning_rate": 0.03, "early_stopping": None, "seed": 3},
    "gates": dict.fromkeys(NUM_CLASSES, "none"),
}


@dataclasses.dataclass(frozen=True)
class Rows:
    """What `dataset.batches` yields, for all rows at once: features, labels and weights by name, `(rows,)`."""

    features: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]

    def change(self, labels=None, weights=None):
        """Returns the rows with other labels or weights for some heads."""
        return Rows(self.features, self.labels | (labels or {}), self.weights | (weights or {}))

    def batches(self, task, seed=None):
        """Returns batches of what the task asks for, in random order if there is a seed."""
        import tensorflow as tf

        from components.trainer.dataset import options

        features = {f"{name}_xf": self.features[f"{name}_xf"] for name in task.features}
        labels, weights = ({head: values[head] for head in task.heads} for values in (self.labels, self.weights))
        rows = tf.data.Dataset.from_tensor_slices((features, labels, weights))
        rows = rows if seed is None else rows.shuffle(len(self), seed=seed)
        return rows.batch(task.training.batch_size).with_options(options())

    def counts(self, num_classes):
        return {
            head: np.bincount(labels[self.weights[head] > 0], minlength=num_classes[head])
            for head, labels in self.labels.items()
        }

    def __len__(self):
        return len(self.features["x_xf"])


@dataclasses.dataclass(frozen=True)
class Quality:
    """How good a model is at each head, over labelled rows, without class weights."""

    log_loss: dict[str, float]
    accuracy: dict[str, float]
    recall: dict[str, np.ndarray]


class Toy:
    """Makes tasks, rows and trained models."""

    num_classes = NUM_CLASSES
    num_ids = {"colour": 2 + _NUM_COLOURS}

    def __init__(self, make_task, make_folder):
        self._make_task = make_task
        self._make_folder = make_folder

    def task(self, **parts):
        """Returns the toy task; parts named as `heads__zebra__units=[4]` replace its own, and None removes one."""
        data = copy.deepcopy(_TASK)
        for path, value in parts.items():
            *parents, last = path.split("__")
            target = data
            for key in parents:
                target = target.setdefault(key, {})
            target[last] = value
        data["gates"] = dict.fromkeys(data["heads"], "none")
        return self._make_task(data)

    @staticmethod
    def rows(count=1500, seed=0):
        """Returns rows: zebra is the sign of x, mango the third that y lies in, apple the colour, all with noise."""
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(2, count)).astype(np.float32)
        colour = rng.integers(1, 1 + _NUM_COLOURS, count)
        truth = {"zebra": x > 0, "mango": np.digitize(y, [-0.43, 0.43]), "apple": colour - 1}
        noise = {head: rng.integers(0, classes, count) for head, classes in NUM_CLASSES.items()}
        noisy = rng.random(count) < 0.1
        labels = {head: np.where(noisy, noise[head], truth[head]).astype(np.int64) for head in NUM_CLASSES}
        features = {"x_xf": x, "y_xf": y, "colour_xf": colour}
        return Rows(features, labels, {head: np.ones(count, np.float32) for head in NUM_CLASSES})

    def train(self, task, rows=None, evaluation=None, num_classes=None, logs=None, checkpoints=None):
        """Trains as the Trainer does; returns the model."""
        import keras

        from components.trainer.fit import train
        from components.trainer.model import build_model

        rows, evaluation = rows or self.rows(), evaluation or self.rows(500, seed=1)
        counts = rows.counts(num_classes or NUM_CLASSES)
        keras.utils.set_random_seed(task.training.seed)
        model = build_model(task, self.num_ids, {head: counts[head] for head in task.heads})
        train(
            model,
            task,
            rows.batches(task, task.training.seed),
            evaluation.batches(task),
            str(logs or self._make_folder("logs")),
            checkpoints,
        )
        return model

    def build(self, task, counts=None):
        """Returns an untrained model."""
        import keras

        from components.trainer.model import build_model

        keras.utils.set_random_seed(task.training.seed)
        return build_model(task, self.num_ids, counts or self.rows().counts(NUM_CLASSES))

    def quality(self, model, rows=None):
        """Judges a model on rows that it has not seen."""
        rows = rows or self.rows(1000, seed=2)
        log_loss, accuracy, recall = {}, {}, {}
        for head, logits in model(rows.features, training=False).items():
            labelled = rows.weights[head] > 0
            logits, labels = logits.numpy()[labelled].astype(float), rows.labels[head][labelled]
            log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            decided = logits.argmax(axis=1)
            log_loss[head] = -log_p[np.arange(len(labels)), labels].mean()
            accuracy[head] = (decided == labels).mean()
            recall[head] = np.array([(decided == c)[labels == c].mean() for c in range(logits.shape[1])])
        return Quality(log_loss, accuracy, recall)


@pytest.fixture(scope="session")
def toy(make_task, tmp_path_factory):
    """Makes tasks, rows and trained models."""
    return Toy(make_task, tmp_path_factory.mktemp)


@pytest.fixture(scope="session")
def plain(toy):
    """The toy task's model, trained without any special knob."""
    return toy.train(toy.task())
