"""Thresholds against every cut tried one by one, and against scikit-learn's metrics."""

import numpy as np
import pytest
from sklearn import metrics

from components.trainer.thresholds import best_threshold, default_thresholds, fit_thresholds
from schema.heads import MulticlassHead, MultilabelHead, Threshold

METRICS = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": metrics.f1_score,
    "macro_f1": lambda y, decided: metrics.f1_score(y, decided, average="macro"),
}


def draw(rows=400, seed=0):
    """Returns scores of a rare class, some of them equal, and the truth."""
    rng = np.random.default_rng(seed)
    p = np.round(rng.beta(1, 6, rows), 2)
    return p, (rng.random(rows) < p).astype(np.int64)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_is_better(metric, seed):
    p, y = draw(seed=seed)
    best = METRICS[metric](y, p >= best_threshold(p, y, metric))
    assert best == pytest.approx(max(METRICS[metric](y, p >= t) for t in np.linspace(-0.005, 1.005, 102)))


def test_the_metric_matters():
    p, y = draw(4000)
    found = {metric: best_threshold(p, y, metric) for metric in METRICS}
    assert found["balanced_accuracy"] < found["f1"] < found["accuracy"]


@pytest.mark.parametrize("y", [np.zeros(5, int), np.ones(5, int)])
def test_one_class_only_keeps_one_half(y):
    assert best_threshold(np.linspace(0, 1, 5), y, "f1") == 0.5


def test_a_threshold_lies_between_0_and_1_even_if_one_decision_is_best():
    y = np.array([0, 1, 1, 1])
    assert 0 < best_threshold(np.array([0.9, 0.1, 0.1, 0.1]), y, "accuracy") < 0.1


def test_defaults_are_the_likeliest_class_and_one_half_per_tag():
    assert default_thresholds(MulticlassHead(type="multiclass"), 4).tolist() == [0.25] * 4
    assert default_thresholds(MultilabelHead(type="multilabel"), 3).tolist() == [0.5] * 3


def test_masked_rows_have_no_say():
    p, y = draw()
    head = MulticlassHead(type="multiclass", threshold=Threshold(metric="f1"))
    keep = np.arange(len(p)) % 2 == 0
    lies = np.where(keep, y, 1 - y)
    fitted = [fit_thresholds(head, np.stack([1 - p, p], 1), labels, keep, np.array([0.8, 0.2])) for labels in (y, lies)]
    np.testing.assert_array_equal(*fitted)
    assert fitted[0].sum() == pytest.approx(1)
    assert fitted[0][1] == best_threshold(p[keep], y[keep], "f1")


def test_more_classes_are_cut_by_their_prior_or_not_at_all():
    prior = np.array([0.7, 0.2, 0.1])
    given = (np.tile(prior, (2, 1)), np.array([0, 1]), np.ones(2), prior)
    balanced, accurate = (
        fit_thresholds(MulticlassHead(type="multiclass", threshold=Threshold(metric=metric)), *given)
        for metric in ("balanced_accuracy", "accuracy")
    )
    assert balanced.tolist() == prior.tolist()
    assert accurate.tolist() == [1 / 3] * 3


def test_every_tag_has_a_threshold_of_its_own():
    (p, y), (q, z) = draw(), draw(seed=1)
    head = MultilabelHead(type="multilabel", threshold=Threshold(metric="f1"))
    fitted = fit_thresholds(head, np.stack([p, q], 1), np.stack([y, z], 1), np.ones(len(p)), np.ones((2, 2)))
    assert fitted.tolist() == [best_threshold(p, y, "f1"), best_threshold(q, z, "f1")]
