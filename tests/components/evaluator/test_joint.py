import numpy as np
import pytest
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.joint import JointMetrics

HEADS = {
    "zebra": {"thresholds": [1 / 2] * 2, "multilabel": False},
    "apple": {"thresholds": [1 / 3] * 3, "multilabel": False},
}
P = {"zebra": np.array([0.2, 0.8]), "apple": np.array([0.1, 0.2, 0.7])}  # Decides 1 and 2.


def row(zebra, apple, predictions=P):
    """Returns a row as TFMA hands it on; None is a missing label."""
    given = {"zebra": zebra, "apple": apple}
    return {
        "labels": {head: np.array([label or 0]) for head, label in given.items()},
        "predictions": predictions,
        "example_weights": {head: np.array([float(label is not None)]) for head, label in given.items()},
    }


def joint(rows, models=None, heads=HEADS):
    """Combines rows over two accumulators; returns values by model and name."""
    found = {}
    for computation in JointMetrics(heads).computations(model_names=models, example_weighted=True):
        combiner, accumulators = computation.combiner, []
        for part in (rows[:1], rows[1:]):
            sums = combiner.create_accumulator()
            for element in part:
                sums = combiner.add_input(sums, metric_types.StandardMetricInputs(element))
            accumulators.append(combiner.compact(sums) if len(accumulators) else sums)
        values = combiner.extract_output(combiner.merge_accumulators(accumulators))
        found |= {(key.model_name, key.name): value for key, value in values.items()}
    return found


@pytest.mark.parametrize(
    ("rows", "exact_match", "hamming_loss"),
    [
        ([row(1, 2)], 1, 0),
        ([row(1, 0)], 0, 1 / 2),
        ([row(0, 0)], 0, 1),
        ([row(1, 2), row(0, 2), row(0, 1)], 1 / 3, 3 / 6),
        # A missing label is not compared, right or wrong.
        ([row(1, None)], 1, 0),
        ([row(0, None), row(None, 2)], 1 / 2, 1 / 2),
        # Rows without any label do not count.
        ([row(1, 2), row(None, None), row(0, 2)], 1 / 2, 1 / 4),
    ],
)
def test_joint_metrics_compare_labels_that_are_there(rows, exact_match, hamming_loss):
    expected = {("", "exact_match"): exact_match, ("", "hamming_loss"): hamming_loss}
    assert expected == pytest.approx(joint(rows))


def test_without_a_label_anywhere_they_are_undefined():
    assert np.isnan(list(joint([row(None, None)]).values())).all()
    assert np.isnan(list(joint([]).values())).all()


def test_each_model_is_judged_by_its_own_predictions():
    other = {head: p[::-1] for head, p in P.items()}
    rows = [
        {
            part: {"candidate": value, "baseline": other if part == "predictions" else value}
            for part, value in row(*labels).items()
        }
        for labels in [(1, 2), (1, 0)]
    ]
    expected = {
        ("candidate", "exact_match"): 1 / 2,
        ("candidate", "hamming_loss"): 1 / 4,
        ("baseline", "exact_match"): 0,
        ("baseline", "hamming_loss"): 3 / 4,
    }
    assert expected == pytest.approx(joint(rows, ["candidate", "baseline"]))


@pytest.mark.parametrize(
    ("zebra", "thresholds", "wrong"),
    [(1, [0.5, 0.5], 0), (0, [0.5, 0.5], 1), (0, [0.1, 0.9], 0), (1, [0.1, 0.9], 1)],
)
def test_decisions_are_by_the_thresholds_of_the_model(zebra, thresholds, wrong):
    found = joint([row(zebra, None)], heads=HEADS | {"zebra": {"thresholds": thresholds, "multilabel": False}})
    assert found == {("", "exact_match"): 1 - wrong, ("", "hamming_loss"): wrong}


TAGGED = HEADS | {"tags": {"thresholds": [0.5, 0.5, 0.9], "multilabel": True}}


def tagged(apple, tags, mask=1.0):
    """Returns a row with tags of which the second alone is decided."""
    given = row(None, apple)
    given["labels"]["tags"] = np.array(tags)
    given["predictions"] = P | {"tags": np.array([0.1, 0.5, 0.8])}
    given["example_weights"]["tags"] = np.array([mask])
    return given


@pytest.mark.parametrize(
    ("rows", "exact_match", "hamming_loss"),
    [
        ([tagged(2, [0, 1, 0])], 1, 0),
        # A head of tags is right when all of them are; each is a label.
        ([tagged(2, [0, 1, 1])], 0, 1 / 4),
        ([tagged(0, [1, 0, 1])], 0, 1),
        ([tagged(None, [0, 1, 1]), tagged(2, [0, 1, 0])], 1 / 2, 1 / 7),
        ([tagged(2, [0, 0, 0], mask=0.0)], 1, 0),
    ],
)
def test_a_multilabel_head_is_right_when_all_its_tags_are(rows, exact_match, hamming_loss):
    expected = {("", "exact_match"): exact_match, ("", "hamming_loss"): hamming_loss}
    assert expected == pytest.approx(joint(rows, heads=TAGGED))


def test_other_outputs_of_the_model_do_not_count():
    more = P | {"zebra/uncalibrated": np.array([0.9, 0.1]), "apple/uncalibrated": np.array([0.9, 0.1, 0.0])}
    assert joint([row(1, 2, more)]) == joint([row(1, 2)])


@pytest.mark.parametrize("buffered", [2, 3, 1000])
def test_it_makes_no_difference_when_rows_are_counted(monkeypatch, buffered):
    rows = [row(*labels) for labels in [(1, 2), (0, 2), (0, 1), (None, None), (1, None), (None, 2)]]
    expected = {("", "exact_match"): 3 / 5, ("", "hamming_loss"): 3 / 8}
    monkeypatch.setattr("components.evaluator.buffered.BUFFERED_ROWS", buffered)
    assert expected == pytest.approx(joint(rows))
