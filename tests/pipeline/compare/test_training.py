"""Metrics on `test`, of a model whose answers are known."""

import types

import numpy as np
import pytest


class _Model:
    """Answers what stands in its inputs."""

    members = 1

    def __init__(self, *columns):
        self.inputs = [types.SimpleNamespace(name=column) for column in columns]

    def __call__(self, columns, training):
        import tensorflow as tf

        kind = tf.stack([tf.zeros_like(columns["amount_xf"]), columns["amount_xf"]], axis=-1)
        size = tf.one_hot(columns["colour_xf"], 3) * 2.0
        return {"kind": kind, "size": size}


@pytest.fixture
def rows():
    """Transformed columns of six rows, by name."""
    return {
        "amount_xf": np.array([-2, -1, 1, 2, 0.5, 3], np.float32),
        "amount_missing": np.zeros(6, np.float32),
        "colour_xf": np.array([0, 1, 2, 0, 1, 2]),
        "kind_label": np.array([0, 0, 1, 1, 0, 0]),
        "kind_labelled": np.array([1, 1, 1, 1, 1, 0], np.float32),
        "size_label": np.array([0, 1, 2, 0, 0, 0]),
        "size_labelled": np.array([1, 1, 1, 1, 1, 0], np.float32),
    }


@pytest.fixture
def judge(cells, rows):
    """Judges the model on rows, in batches of 4."""
    import tensorflow as tf

    from components.trainer.calibration import Calibration
    from components.trainer.run import Fitted
    from pipeline.compare import training

    contract = cells[0].contract
    calibrations = {
        name: Calibration(
            head=head.model_copy(update={"calibration": "none"}),
            classes=contract.classes[name],
            prior=np.ones(len(contract.classes[name])) / len(contract.classes[name]),
            log_weights=np.zeros(len(contract.classes[name])),
            temperature=1.0,
            thresholds=np.ones(len(contract.classes[name])),
        )
        for name, head in contract.task.heads.items()
    }
    fitted = Fitted(_Model("amount_xf", "colour_xf"), calibrations)

    def run(**changes):
        test = tf.data.Dataset.from_tensor_slices(rows | changes).batch(4)
        return training.judge(fitted, contract.task, test)

    return run


def test_metrics_count_labelled_rows(judge):
    found = judge()
    assert found["kind"]["accuracy"] == pytest.approx(4 / 5)
    assert found["kind"]["auc"] == 1.0  # .5 of class 0 lies below 1 and 2 of class 1; 3 has no label.
    assert found["size"]["accuracy"] == pytest.approx(4 / 5)
    assert found["kind"]["ece"] == found["kind"]["ece_uncalibrated"]


def test_log_loss_is_that_of_the_scores(judge, rows):
    x, y = rows["amount_xf"][:5].astype(float), rows["kind_label"][:5]
    expected = np.mean(np.log1p(np.exp(np.where(y == 1, -x, x))))
    assert judge()["kind"]["log_loss"] == pytest.approx(expected, rel=1e-5)


def test_a_metric_that_is_not_defined_is_none(judge):
    found = judge(kind_label=np.zeros(6, np.int64), size_labelled=np.zeros(6, np.float32))
    assert found["kind"]["auc"] is None
    assert found["kind"]["accuracy"] == pytest.approx(2 / 5)
    assert set(found["size"].values()) == {None}
