"""The metrics of a head against scikit-learn, TFMA and plain sums."""

import itertools

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.counts import HeadCounts, decide
from components.evaluator.metrics import ECE_UNCALIBRATED, head_metrics, metrics_of
from schema.gates import LARGEST, METRICS

ROWS = 2000
# Defined by probabilities alone.
THRESHOLD_FREE = ("auc", "log_loss", "ece")


def counts_of(labels, probabilities):
    """Counts rows of a multiclass head whose likeliest class is decided."""
    return HeadCounts.of(labels, probabilities, [1 / probabilities.shape[1]] * probabilities.shape[1])


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


def sklearn_of(labels, probabilities, decided=None):
    """The same metrics from scikit-learn."""
    decided = probabilities.argmax(axis=1) if decided is None else decided
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
    found = metrics_of(counts_of(labels, probabilities))
    assert np.isnan(found.pop(ECE_UNCALIBRATED))
    assert {"labelled", *METRICS} == set(expected) == set(found)
    assert expected.pop("auc") == pytest.approx(found.pop("auc"), abs=1e-4)
    assert expected == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize("thresholds", [[0.8, 0.2], [0.3, 0.6, 0.5], [0.9, 0.1, 0.2, 0.4]])
def test_thresholds_move_decisions_and_nothing_else(thresholds):
    labels, probabilities = draw(len(thresholds))
    decided = (probabilities / thresholds).argmax(axis=1)
    found = metrics_of(HeadCounts.of(labels, probabilities, thresholds))
    expected = sklearn_of(labels, probabilities, decided)
    likeliest = metrics_of(counts_of(labels, probabilities))
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert expected[name] == pytest.approx(found[name])
        assert found[name] != likeliest[name]
    for name in THRESHOLD_FREE:
        assert found[name] == likeliest[name]


@pytest.mark.parametrize(
    ("probabilities", "thresholds", "multilabel", "expected"),
    [
        ([[0.7, 0.3], [0.69, 0.31], [0.1, 0.9]], [0.7, 0.3], False, [0, 1, 1]),
        ([[0.5, 0.4, 0.1], [0.3, 0.4, 0.3]], [1 / 3] * 3, False, [0, 1]),
        ([[0.5, 0.4, 0.1]], [0.6, 0.3, 0.1], False, [1]),
        # A tag that just reaches its threshold is decided, in float32 as in the served model.
        ([[0.7, 0.2, 0.3], [0.69, 0.19, 0.9]], [0.7, 0.2, 0.3], True, [[1, 1, 1], [0, 0, 1]]),
    ],
)
def test_decisions(probabilities, thresholds, multilabel, expected):
    assert expected == decide(np.array(probabilities, np.float32), thresholds, multilabel).tolist()


def draw_tags(rows=ROWS, seed=0):
    """Returns multi-hot labels of five tags, from rare to frequent, and probabilities that know something of them."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((rows, 5)) < [0.02, 0.1, 0.3, 0.5, 0.8]).astype(np.int64)
    return labels, 1 / (1 + np.exp(-(rng.normal(size=labels.shape) + 2 * labels - 1.2)))


TAG_THRESHOLDS = [0.5, 0.3, 0.6, 0.5, 0.2]


def tag_metrics(labels, probabilities, uncalibrated=None):
    return head_metrics(labels, probabilities, np.ones(len(labels)), TAG_THRESHOLDS, True, uncalibrated)


def test_metrics_of_tags_are_scikit_learns():
    labels, probabilities = draw_tags()
    decided = probabilities >= TAG_THRESHOLDS
    tags = range(labels.shape[1])
    expected = {
        "labelled": ROWS,
        "accuracy": (decided == labels).mean(),
        "balanced_accuracy": np.mean(
            [sklearn_metrics.balanced_accuracy_score(labels[:, i], decided[:, i]) for i in tags]
        ),
        "auc": sklearn_metrics.roc_auc_score(labels, probabilities, average="macro"),
        "macro_f1": sklearn_metrics.f1_score(labels, decided, average="macro"),
        "log_loss": np.mean([sklearn_metrics.log_loss(labels[:, i], probabilities[:, i]) for i in tags]),
        "ece": ece_of_tags(labels, probabilities),
        ECE_UNCALIBRATED: ece_of_tags(labels, probabilities**2),
    }
    found = tag_metrics(labels, probabilities, probabilities**2)
    assert expected.pop("auc") == pytest.approx(found.pop("auc"), abs=1e-4)
    assert expected == pytest.approx(found, rel=1e-9)


def ece_of_tags(labels, probabilities):
    """Expected calibration error over (row, tag) pairs, of the tag's probability."""
    score, happened = probabilities.ravel(), labels.ravel()
    error = 0.0
    for i in range(15):
        within = (score > i / 15) & (score <= (i + 1) / 15)
        if within.any():
            error += within.mean() * abs(happened[within].mean() - score[within].mean())
    return error


def test_a_multilabel_head_is_as_many_heads_of_two_classes():
    labels, probabilities = draw_tags()
    found = tag_metrics(labels, probabilities)
    by_tag = [
        metrics_of(HeadCounts.of(labels[:, i], np.stack([1 - p, p], axis=1), [1 - t, t]))
        for i, (p, t) in enumerate(zip(probabilities.T, TAG_THRESHOLDS, strict=True))
    ]
    for name in ("accuracy", "balanced_accuracy", "auc", "log_loss"):
        assert np.mean([of_tag[name] for of_tag in by_tag]) == pytest.approx(found[name], rel=1e-9)


def test_a_tag_that_neither_occurs_nor_is_decided_counts_in_no_f1_and_no_auc():
    labels, probabilities = draw_tags()
    silent = labels.copy(), probabilities.copy()
    silent[0][:, 0] = 0
    silent[1][:, 0] = np.linspace(0.1, 0.4, ROWS)
    found = tag_metrics(*silent)
    others = head_metrics(labels[:, 1:], probabilities[:, 1:], np.ones(ROWS), TAG_THRESHOLDS[1:], True)
    assert [found[name] for name in ("macro_f1", "auc")] == pytest.approx([others[n] for n in ("macro_f1", "auc")])
    # One that is decided and never right has an F1 of 0.
    silent[1][0, 0] = 0.6
    assert tag_metrics(*silent)["macro_f1"] == pytest.approx(others["macro_f1"] * 4 / 5)


def test_a_tag_that_no_row_has_is_judged_by_those_that_have_it_not():
    labels, probabilities = np.zeros((10, 1), int), np.linspace(0, 0.9, 10)[:, np.newaxis]
    found = head_metrics(labels, probabilities, np.ones(10), [0.65], True)
    assert (found["balanced_accuracy"], found["macro_f1"]) == pytest.approx((0.7, 0.0))
    assert np.isnan(found["auc"])


@pytest.mark.parametrize("multilabel", [False, True])
def test_only_labelled_rows_count(multilabel):
    labels, probabilities = draw_tags() if multilabel else draw(5)
    mask = np.random.default_rng(1).random(ROWS) < 0.5
    found = head_metrics(labels, probabilities, mask.astype(np.float32), TAG_THRESHOLDS, multilabel, probabilities)
    kept = labels[mask], probabilities[mask]
    assert found == head_metrics(*kept, np.ones(mask.sum()), TAG_THRESHOLDS, multilabel, kept[1])
    assert found["labelled"] == mask.sum()


def test_ece_uncalibrated_is_the_ece_of_the_model_as_trained():
    labels, probabilities = draw(3)
    trained = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    found = metrics_of(HeadCounts.of(labels, probabilities, [0.2, 0.5, 0.3], uncalibrated=trained))
    assert found["ece"] == pytest.approx(ece_of(labels, probabilities))
    assert found[ECE_UNCALIBRATED] == pytest.approx(ece_of(labels, trained))
    assert found["ece"] != pytest.approx(found[ECE_UNCALIBRATED])


def test_uncalibrated_scores_that_are_no_numbers_leave_the_others_alone():
    labels, probabilities = draw(3, rows=50)
    broken = probabilities.copy()
    broken[7] = np.nan
    found = metrics_of(HeadCounts.of(labels, probabilities, [1 / 3] * 3, uncalibrated=broken))
    assert [name for name, value in found.items() if np.isnan(value)] == [ECE_UNCALIBRATED]


def test_auc_counts_ties_as_half():
    labels, probabilities = np.array([0, 1, 0, 1]), np.array([[0.5, 0.5]] * 4)
    assert metrics_of(counts_of(labels, probabilities))["auc"] == 0.5


def test_auc_of_two_classes_is_that_of_the_second():
    labels, second = np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.6, 0.4, 0.7, 0.9])
    found = metrics_of(counts_of(labels, np.stack([1 - second, second], axis=1)))
    assert found["auc"] == pytest.approx(5 / 6)


def test_ece_of_a_sure_model_is_its_error_and_of_an_honest_one_0():
    labels = np.array([0, 0, 0, 1])
    sure, honest = np.array([[1.0, 0.0]] * 4), np.array([[0.75, 0.25]] * 4)
    assert [metrics_of(counts_of(labels, p))["ece"] for p in (sure, honest)] == pytest.approx([0.25, 0.0])


@pytest.mark.parametrize("edge", [1 / 15, 2 / 15, 0.4, 0.6, 1.0])
def test_ece_bins_hold_their_upper_edge(edge):
    others = np.full(20, (1 - edge) / 20)
    probabilities = np.array([[edge, *others], [edge - 1e-9, *others]])
    counts = counts_of(np.array([0, 0]), probabilities)
    assert counts.confidence[0].max() == 2


def test_log_loss_of_an_impossible_label_is_finite():
    found = metrics_of(counts_of(np.array([1]), np.array([[1.0, 0.0]])))
    assert found["log_loss"] == pytest.approx(-np.log(1e-7))
    assert found["log_loss"] == pytest.approx(LARGEST["log_loss"])


def test_without_rows_every_metric_is_undefined():
    found = metrics_of(counts_of(np.zeros(0, int), np.zeros((0, 3))))
    assert found.pop("labelled") == 0
    assert dict.fromkeys((*METRICS, ECE_UNCALIBRATED), True) == {
        name: bool(np.isnan(value)) for name, value in found.items()
    }


@pytest.mark.parametrize("num_classes", [2, 3])
def test_rows_of_one_class_leave_auc_alone_undefined(num_classes):
    _, probabilities = draw(num_classes, rows=50)
    found = head_metrics(np.ones(50, int), probabilities, np.ones(50), [0.5] * num_classes, False, probabilities)
    assert [name for name, value in found.items() if np.isnan(value)] == ["auc"]


def test_classes_that_do_not_occur_count_nowhere():
    labels, probabilities = draw(2, rows=200)
    wider = np.concatenate([probabilities, np.zeros((200, 1))], axis=1)
    two, three = (metrics_of(counts_of(labels, p)) for p in (probabilities, wider))
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece"):
        assert two[name] == pytest.approx(three[name])
    # One-versus-rest of two classes that mirror each other is the area of either.
    assert two["auc"] == pytest.approx(three["auc"], abs=1e-3)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 300), max_size=6), st.sampled_from([2, 4, "tags"]))
def test_counts_of_any_split_add_up_to_the_whole(cuts, kind):
    tags = kind == "tags"
    labels, probabilities = draw_tags(rows=300) if tags else draw(kind, rows=300)

    def count(a, b):
        p = probabilities[a:b]
        return HeadCounts.of(labels[a:b], p, [0.4] * p.shape[1], tags, uncalibrated=p**2)

    parts = [count(a, b) for a, b in itertools.pairwise([0, *sorted(cuts), 300])]
    total = sum(parts[1:], parts[0])
    whole = count(0, 300)
    assert metrics_of(whole) == pytest.approx(metrics_of(total), rel=1e-9)
    for name in ("scores", "confusion"):
        np.testing.assert_array_equal(getattr(whole, name).cells, getattr(total, name).cells)
        np.testing.assert_array_equal(getattr(whole, name).counts, getattr(total, name).counts)


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
    assert metrics_of(counts_of(labels, probabilities))["auc"] == pytest.approx(expected, abs=1e-4)


def test_scores_that_are_no_numbers_give_no_metric():
    probabilities = np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.8]])
    metrics = metrics_of(counts_of(np.array([0, 1, 1]), probabilities))
    assert metrics.pop("labelled") == 3
    assert all(np.isnan(value) for value in metrics.values())


def test_auc_of_a_rare_class_keeps_small_scores_apart():
    rng = np.random.default_rng(0)
    labels = (rng.random(50_000) < 0.001).astype(np.int64)
    score = np.exp(rng.normal(-9 + labels, 1.0))
    ours = metrics_of(counts_of(labels, np.stack([1 - score, score], axis=1)))["auc"]
    assert ours == pytest.approx(sklearn_metrics.roc_auc_score(labels, score), abs=1e-3)
