"""Schedules that have no say because the training is over first."""

import pytest

from schema.contract import load_contract
from schema.problems import TaskError

PLATEAU = "training.schedule={type: plateau, patience: 3}"


def problem(folder, *overrides):
    with pytest.raises(TaskError) as error:
        load_contract(folder, overrides)
    [found] = error.value.problems
    return str(found)


@pytest.mark.parametrize("kind", ["constant", "cosine", "plateau"])
@pytest.mark.parametrize(("warmup", "epochs"), [(3, 3), (3.5, 3), (20, None)])
def test_a_warm_up_as_long_as_the_training(write_task, kind, warmup, epochs):
    overrides = [f"training.schedule={{type: {kind}, warmup_epochs: {warmup}}}"]
    overrides += [f"training.epochs={epochs}"] if epochs else []
    assert problem(write_task(), *overrides) == (
        f"--set training.schedule: training.schedule.warmup_epochs: the learning rate would rise for {warmup} epochs, "
        f"and `training.epochs` is {epochs or 20}: warm up for fewer epochs than there are"
    )


@pytest.mark.parametrize(("warmup", "epochs"), [(0, 1), (0.5, 1), (2.9, 3)])
def test_a_shorter_warm_up(write_task, warmup, epochs):
    schedule = f"training.schedule={{type: cosine, warmup_epochs: {warmup}}}"
    assert load_contract(write_task(), [schedule, f"training.epochs={epochs}"])


@pytest.mark.parametrize(
    ("overrides", "patience", "end"),
    [
        ([PLATEAU], 3, 3),
        ([PLATEAU, "training.early_stopping={}"], 3, 3),
        ([PLATEAU, "training.early_stopping={patience: 2}"], 3, 2),
        (["training.schedule={type: plateau}", "training.early_stopping={patience: 1}"], 1, 1),
    ],
    ids=["default", "empty", "fewer", "default of plateau"],
)
def test_a_plateau_that_early_stopping_does_not_wait_for(write_task, overrides, patience, end):
    assert problem(write_task(), *overrides) == (
        "--set training.schedule: training.schedule.patience: the learning rate would fall after "
        f"{patience} epochs without a gain, and `training.early_stopping.patience` is {end}: let it fall after fewer, "
        "or the training is over first"
    )


@pytest.mark.parametrize(
    "overrides",
    [
        ["training.schedule={type: plateau}"],
        [PLATEAU, "training.early_stopping=null"],
        [PLATEAU, "training.early_stopping={patience: 4}"],
        ["training.early_stopping={patience: 1}"],
    ],
    ids=["defaults", "no early stopping", "a longer one", "no plateau"],
)
def test_a_plateau_that_comes_first(write_task, overrides):
    assert load_contract(write_task(), overrides)


@pytest.mark.parametrize("value", ["'3'", "true", "-1", "[3]", ".inf"])
@pytest.mark.parametrize("key", ["schedule.warmup_epochs", "schedule.patience", "early_stopping.patience"])
def test_what_is_no_number_is_one_problem(write_task, key, value):
    overrides = ["training.schedule={type: plateau, patience: 2}", "training.early_stopping={patience: 3}"]
    assert f"training.{key}: " in problem(write_task(), *overrides, f"training.{key}={value}")
