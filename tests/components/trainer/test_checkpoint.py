"""A training that ends in the middle of an epoch goes on after the last finished one, as if nothing had happened."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

EPOCHS = 4
# Whatever has a state: dropout, Adam's moments and step, plateaus, early stopping, balancing.
STATEFUL = {
    "trunk__units": [4],
    "trunk__dropout": 0.2,
    "heads": {"zebra": {"type": "multiclass", "units": []}, "mango": {"type": "multiclass", "units": []}},
    "training__epochs": 6,
    "training__batch_size": 300,
    "training__optimizer": {"type": "adamw"},
    "training__ema": 0.2,
    "training__schedule": {"type": "plateau", "warmup_epochs": 0.5},
    "training__early_stopping": {"patience": 3},
    "training__balancing": {"type": "dwa"},
}


class Killed(Exception):
    """Stands for a kill."""


def killer(when=None):
    """Returns a callback that ends a training in the middle of an epoch, or, if None, between the last and its end."""
    import keras

    class Killer(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (self.epoch, batch) == (when, 1):
                raise Killed

        def on_train_end(self, logs=None):
            if when is None:
                raise Killed

    return Killer()


def state_of(model):
    return [np.array(variable) for variable in [*model.variables, *model.optimizer.variables]]


def assert_same(expected, model):
    assert expected.history.epoch == model.history.epoch
    assert expected.history.history.keys() == model.history.history.keys()
    for name, values in expected.history.history.items():
        assert values == pytest.approx(model.history.history[name], rel=1e-4, abs=1e-6), name
    for left, right in zip(state_of(expected), state_of(model), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)


@dataclasses.dataclass
class Line:
    """A model that is quickly fitted, and worse on the rows to stop on with every epoch."""

    folder: Path
    ran: list[int] = dataclasses.field(default_factory=list)

    def fit(self, *callbacks, units=1, patience=EPOCHS):
        """Goes on from the folder; notes the epochs that are run and returns the model."""
        import keras

        from components.trainer.checkpoint import Checkpoint

        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
        model.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse", jit_compile=False)
        x = np.random.default_rng(0).normal(size=(20, 2))
        y = x @ np.ones((2, units))
        self.ran.clear()
        others = [
            keras.callbacks.History(),
            keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: self.ran.append(epoch)),
            *callbacks,
        ]
        if patience:
            others.append(keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True))
        checkpoint = Checkpoint(self.folder, others, [(x, y)])
        done = checkpoint.restore(model)
        fit = {"epochs": EPOCHS, "batch_size": 5, "shuffle": False, "validation_data": (x, -y), "verbose": 0}
        model.fit(x, y, initial_epoch=done, callbacks=[*others, checkpoint], **fit)
        return model

    @property
    def files(self):
        return sorted(file.name for file in self.folder.glob("*"))


@pytest.fixture
def line(tmp_path):
    return Line(tmp_path / "checkpoint")


@pytest.fixture
def broken(line):
    """One that was killed in the third epoch."""
    with pytest.raises(Killed):
        line.fit(killer(2))
    return line


def test_a_resumed_training_of_a_task_ends_as_one_without_a_break(toy, tmp_path, monkeypatch):
    from components.trainer import schedule

    # On eval half of the labels are wrong: there the first epoch stays the best one, and a plateau follows.
    evaluation = toy.rows(500, seed=1)
    is_wrong = np.arange(500) % 2 == 0
    labels = {head: (evaluation.labels[head] + is_wrong) % n for head, n in toy.num_classes.items()}
    task = toy.task(**STATEFUL)

    def train(folder):
        return toy.train(task, evaluation=evaluation.change(labels), checkpoints=folder)

    whole = train(None)
    assert whole.history.epoch == [0, 1, 2, 3]
    assert whole.history.history["learning_rate"][3] < whole.history.history["learning_rate"][1]
    callbacks = schedule.callbacks
    with monkeypatch.context() as patch:
        patch.setattr(schedule, "callbacks", lambda *given: [*callbacks(*given), killer(2)])
        with pytest.raises(Killed):
            train(tmp_path)
    assert_same(whole, train(tmp_path))


def test_only_epochs_that_were_not_finished_are_run_again(broken):
    assert broken.files == ["checkpoint.npz"]
    model = broken.fit()
    assert broken.ran == [2, 3]
    assert_same(Line(broken.folder).fit(), model)


def test_nothing_is_left_of_a_training_that_ended_well(line):
    line.fit()
    assert not line.folder.exists()
    line.fit()
    assert line.ran == [0, 1, 2, 3]


@pytest.mark.parametrize(("patience", "epochs"), [(2, [0, 1, 2]), (EPOCHS, [0, 1, 2, 3])])
def test_a_training_that_was_over_when_it_was_killed_runs_no_other_epoch(line, patience, epochs):
    whole = line.fit(patience=patience)
    assert line.ran == epochs
    with pytest.raises(Killed):
        line.fit(killer(), patience=patience)
    model = line.fit(patience=patience)
    assert line.ran == []
    assert_same(whole, model)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"no archive",
        lambda content: content[: len(content) // 2],
        lambda content: content[:200] + bytes(50) + content[250:],
    ],
    ids=["empty", "foreign", "half", "zeros"],
)
def test_a_damaged_file_is_reported_and_ignored(broken, damage, caplog):
    file = broken.folder / "checkpoint.npz"
    file.write_bytes(damage(file.read_bytes()))
    broken.fit()
    assert broken.ran == [0, 1, 2, 3]
    assert f"Training starts anew: {file} is of no use" in caplog.text


@pytest.mark.parametrize(
    ("other", "reason"),
    [({"units": 2}, "its variables are those of another model"), ({"patience": None}, "EarlyStopping")],
    ids=["model", "callbacks"],
)
def test_the_file_of_another_training_is_reported_and_ignored(broken, other, reason, caplog):
    broken.fit(**other)
    assert broken.ran == [0, 1, 2, 3]
    assert reason in caplog.text


def test_what_was_half_written_does_not_hurt(broken):
    (broken.folder / "checkpoint.part").write_bytes(b"half")
    broken.fit()
    assert broken.ran == [2, 3]
    assert not broken.folder.exists()
