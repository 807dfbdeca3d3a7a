"""The metrics of a head against scikit-learn, TFMA and plain sums."""

import itertools

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator import metrics
from components.evaluator.metrics import HeadCounts, metrics_of

ROWS = 2000


def draw(num_classes, rows=ROWS, seed=0):
    """Returns labels and probabilities that know something of them; classes differ in size."""
    rng = np.random.default_rng(seed)
    shares = np.arange(num_classes, 0, -1) / np.arange(num_classes + 1).sum()
    labels = rng.choice(num_classes, rows, p=shares)
    logits = rng.normal(size=(rows, num_classes)) + np.log(shares) + 1.2 * np.eye(num_classes)[labels]
    probabilities = np.exp(logits)
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


def ece_of(labels, probabilities):
    """Expected calibration error as Guo et al. 2017, equation 3, writes it: bins (i/15, (i+1)/15]."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    error = 0.0
    for i in range(15):
        within = (confidence > i / 15) & (confidence <= (i + 1) / 15)
        if within.any():
            error += within.mean() * abs(right[within].mean() - confidence[within].mean())
    return error


def sklearn_of(labels, probabilities):
    """The same metrics from scikit-learn."""
    decided = probabilities.argmax(axis=1)
    binary = probabilities.shape[1] == 2
    score = probabilities[:, 1] if binary else probabilities
    kind = {} if binary else {"multi_class": "ovr", "average": "macro"}
    return {
        "labelled": len(labels),
        "accuracy": sklearn_metrics.accuracy_score(labels, decided),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(labels, decided),
        "auc": sklearn_metrics.roc_auc_score(labels, score, **kind),
        "macro_f1": sklearn_metrics.f1_score(labels, decided, average="macro"),
        "log_loss": sklearn_metrics.log_loss(labels, probabilities),
        "ece": ece_of(labels, probabilities),
    }


@pytest.mark.parametrize("num_classes", [2, 3, 7])
def test_metrics_are_scikit_learns(num_classes):
    labels, probabilities = draw(num_classes)
    expected = sklearn_of(labels, probabilities)
    found = metrics_of(HeadCounts.of(labels, probabilities))
    assert {"labelled", *metrics.METRICS} == set(expected) == set(found)
    assert expected.pop("auc") == pytest.approx(found.pop("auc"), abs=1e-4)
    assert expected == pytest.approx(found, rel=1e-9)


def test_auc_counts_ties_as_half():
    labels, probabilities = np.array([0, 1, 0, 1]), np.array([[0.5, 0.5]] * 4)
    assert metrics_of(HeadCounts.of(labels, probabilities))["auc"] == 0.5


def test_auc_of_two_classes_is_that_of_the_second():
    labels, second = np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.6, 0.4, 0.7, 0.9])
    found = metrics_of(HeadCounts.of(labels, np.stack([1 - second, second], axis=1)))
    assert found["auc"] == pytest.approx(5 / 6)


def test_ece_of_a_sure_model_is_its_error_and_of_an_honest_one_0():
    labels = np.array([0, 0, 0, 1])
    sure, honest = np.array([[1.0, 0.0]] * 4), np.array([[0.75, 0.25]] * 4)
    assert [metrics_of(HeadCounts.of(labels, p))["ece"] for p in (sure, honest)] == pytest.approx([0.25, 0.0])


@pytest.mark.parametrize("edge", [1 / 15, 2 / 15, 0.4, 0.6, 1.0])
def test_ece_bins_hold_their_upper_edge(edge):
    others = np.full(20, (1 - edge) / 20)
    probabilities = np.array([[edge, *others], [edge - 1e-9, *others]])
    counts = HeadCounts.of(np.array([0, 0]), probabilities)
    assert counts.confidence[0].max() == 2


def test_log_loss_of_an_impossible_label_is_finite():
    found = metrics_of(HeadCounts.of(np.array([1]), np.array([[1.0, 0.0]])))
    assert found["log_loss"] == pytest.approx(-np.log(1e-7))


def test_without_rows_every_metric_is_undefined():
    found = metrics_of(HeadCounts.of(np.zeros(0, int), np.zeros((0, 3))))
    assert found.pop("labelled") == 0
    assert dict.fromkeys(metrics.METRICS, True) == {name: bool(np.isnan(value)) for name, value in found.items()}


@pytest.mark.parametrize("num_classes", [2, 3])
def test_rows_of_one_class_leave_auc_alone_undefined(num_classes):
    _, probabilities = draw(num_classes, rows=50)
    found = metrics_of(HeadCounts.of(np.ones(50, int), probabilities))
    assert [name for name, value in found.items() if np.isnan(value)] == ["auc"]


def test_classes_that_do_not_occur_count_nowhere():
    labels, probabilities = draw(2, rows=200)
    wider = np.concatenate([probabilities, np.zeros((200, 1))], axis=1)
    two, three = (metrics_of(HeadCounts.of(labels, p)) for p in (probabilities, wider))
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece"):
        assert two[name] == pytest.approx(three[name])
    # One-versus-rest of two classes that mirror each other is the area of either.
    assert two["auc"] == pytest.approx(three["auc"], abs=1e-3)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 300), max_size=6), st.sampled_from([2, 4]))
def test_counts_of_any_split_add_up_to_the_whole(cuts, num_classes):
    labels, probabilities = draw(num_classes, rows=300)
    bounds = [0, *sorted(cuts), 300]
    parts = [HeadCounts.of(labels[a:b], probabilities[a:b]) for a, b in itertools.pairwise(bounds)]
    total = sum(parts[1:], parts[0])
    whole = HeadCounts.of(labels, probabilities)
    assert metrics_of(whole) == pytest.approx(metrics_of(total), rel=1e-9)
    np.testing.assert_array_equal(whole.scores, total.scores)
    np.testing.assert_array_equal(whole.confusion, total.confusion)


def combine(metric, inputs):
    """Runs the computations of a TFMA metric in plain Beam, over several accumulators; returns values by name."""
    found = {}
    for computation in metric.computations(model_names=[""], output_names=["h"], example_weighted=True):
        combiner = computation.combiner
        accumulators = []
        for part in (inputs[:700], inputs[700:701], inputs[701:701], inputs[701:]):
            accumulator = combiner.create_accumulator()
            for element in part:
                accumulator = combiner.add_input(accumulator, element)
            accumulators.append(accumulator)
        found |= combiner.extract_output(combiner.merge_accumulators(accumulators))
    return {key.name: value for key, value in found.items()}


def inputs_of(labels, probabilities, masks):
    """Returns rows as TFMA hands them to a metric of an output `h`."""
    return [
        metric_types.StandardMetricInputs(
            {"labels": {"h": np.array([y])}, "predictions": {"h": p}, "example_weights": {"h": np.array([mask])}}
        )
        for y, p, mask in zip(labels, probabilities, masks, strict=True)
    ]


@pytest.mark.parametrize("buffered", [8, 10_000])
def test_the_combiner_counts_labelled_rows_whether_buffered_or_folded(monkeypatch, buffered):
    monkeypatch.setattr(metrics, "_BUFFERED_ROWS", buffered)
    labels, probabilities = draw(3)
    mask = np.random.default_rng(1).random(ROWS) < 0.5
    expected = metrics_of(HeadCounts.of(labels[mask], probabilities[mask]))
    found = combine(metrics.HeadMetrics(3), inputs_of(labels, probabilities, mask.astype(np.float32)))
    assert expected == pytest.approx(found, rel=1e-9)


def test_auc_is_tfmas_own():
    labels, probabilities = draw(2)
    config = tfma.EvalConfig(model_specs=[tfma.ModelSpec()])
    histogram, matrices, auc = tfma.metrics.AUC(num_thresholds=10_000).computations(eval_config=config)
    combiner = histogram.combiner
    accumulator = combiner.create_accumulator()
    for y, p in zip(labels, probabilities, strict=True):
        row = metric_types.StandardMetricInputs({"labels": np.array([y]), "predictions": p[1:]})
        accumulator = combiner.add_input(accumulator, row)
    (expected,) = auc.result(matrices.result(combiner.extract_output(accumulator))).values()
    assert metrics_of(HeadCounts.of(labels, probabilities))["auc"] == pytest.approx(expected, abs=1e-4)


def test_scores_that_are_no_numbers_give_no_metric():
    probabilities = np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.8]])
    metrics = metrics_of(HeadCounts.of(np.array([0, 1, 1]), probabilities))
    assert metrics.pop("labelled") == 3
    assert all(np.isnan(value) for value in metrics.values())


def test_auc_of_a_rare_class_keeps_small_scores_apart():
    rng = np.random.default_rng(0)
    labels = (rng.random(50_000) < 0.001).astype(np.int64)
    score = np.exp(rng.normal(-9 + labels, 1.0))
    ours = metrics_of(HeadCounts.of(labels, np.stack([1 - score, score], axis=1)))["auc"]
    assert ours == pytest.approx(sklearn_metrics.roc_auc_score(labels, score), abs=1e-3)
