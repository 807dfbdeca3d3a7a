"""The learning rate of every step, seen while a small model is trained; and what a plateau does to it."""

import math

import pytest

PEAK = 0.02
STEPS = 5
SMALL = {
    "features": {"x": {"type": "numeric", "missing_indicator": False}},
    "heads": {"zebra": {"type": "multiclass", "units": []}},
    "trunk__units": [],
    "training__learning_rate": PEAK,
    "training__batch_size": 300,
}


@pytest.fixture
def rates(toy, monkeypatch):
    """Trains with a schedule; returns the learning rate of every step, and the model."""
    import keras

    from components.trainer import schedule

    class Recorder(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.rates = []

        def on_train_batch_begin(self, batch, logs=None):
            self.rates.append(float(self.model.optimizer.learning_rate))

    def run(spec, epochs, evaluation=None, **parts):
        recorder = Recorder()
        callbacks = schedule.callbacks
        with monkeypatch.context() as patch:
            patch.setattr(schedule, "callbacks", lambda *given: [*callbacks(*given), recorder])
            task = toy.task(**SMALL | parts, training__epochs=epochs, training__schedule=spec)
            return recorder.rates, toy.train(task, evaluation=evaluation)

    return run


def wrong(toy):
    """Rows on which the loss only grows while the model learns."""
    rows = toy.rows(500, seed=1)
    return rows.change(labels={"zebra": 1 - rows.labels["zebra"]})


def test_a_constant_rate_stays(rates):
    expected = [PEAK] * 2 * STEPS
    assert expected == pytest.approx(rates({"type": "constant"}, 2)[0])


@pytest.mark.parametrize("kind", ["constant", "cosine", "plateau"])
def test_a_warm_up_of_one_and_a_half_epochs_rises_evenly_from_0(rates, kind):
    # 7.5 steps, rounded to even.
    found, _ = rates({"type": kind, "warmup_epochs": 1.5}, 3)
    assert [PEAK * i / 8 for i in range(9)] == pytest.approx(found[:9])
    if kind != "cosine":
        assert min(found[9:]) == pytest.approx(PEAK) == max(found[9:])


def test_cosine_falls_from_the_rate_to_its_final_share(rates):
    found, model = rates({"type": "cosine", "final": 0.1}, 4)
    shares = [0.1 + 0.9 * (1 + math.cos(math.pi * i / (4 * STEPS))) / 2 for i in range(4 * STEPS)]
    assert [PEAK * share for share in shares] == pytest.approx(found, rel=1e-4)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1 * PEAK)


def test_cosine_falls_after_the_warm_up_over_what_is_left(rates):
    found, model = rates({"type": "cosine", "warmup_epochs": 1}, 3)
    shares = [(1 + math.cos(math.pi * i / (2 * STEPS))) / 2 for i in range(2 * STEPS)]
    assert [PEAK * share for share in shares] == pytest.approx(found[STEPS:], rel=1e-4)
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)


def test_a_warm_up_longer_than_the_training_only_rises(rates):
    found, _ = rates({"type": "cosine", "warmup_epochs": 4}, 2)
    assert [PEAK * i / (4 * STEPS) for i in range(2 * STEPS)] == pytest.approx(found)


def test_a_plateau_cuts_the_rate_whenever_the_loss_on_eval_stalls(rates, toy):
    found, model = rates({"type": "plateau", "factor": 0.25, "patience": 2}, 6, wrong(toy))
    losses = model.history.history["val_loss"]
    assert losses[0] == min(losses)
    # Best in the first epoch: two epochs without a gain, twice.
    by_epoch = [1, 1, 1, 0.25, 0.25, 0.0625]
    assert [PEAK * share for share in by_epoch] == pytest.approx(found[::STEPS])


def test_a_plateau_leaves_the_rate_of_a_model_that_gets_better(rates):
    found, model = rates({"type": "plateau"}, 3)
    losses = model.history.history["val_loss"]
    assert losses == sorted(losses, reverse=True)
    assert min(found) == pytest.approx(PEAK)


def test_early_stopping_outwaits_a_shorter_plateau(rates, toy):
    found, model = rates({"type": "plateau"}, 9, wrong(toy), training__early_stopping={"patience": 3})
    assert len(model.history.epoch) == 4
    by_epoch = [1, 1, 0.5, 0.25]
    assert [PEAK * share for share in by_epoch] == pytest.approx(found[::STEPS])


def test_batches_of_unknown_number_are_counted(toy):
    from components.trainer.schedule import num_batches

    batches = toy.rows().batches(toy.task(**SMALL))
    hidden = batches.filter(lambda *_: True)
    assert hidden.cardinality() < 0
    assert num_batches(batches) == num_batches(hidden) == STEPS
