import numpy as np
import pytest
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.joint import JointMetrics

P = {"zebra": np.array([0.2, 0.8]), "apple": np.array([0.1, 0.2, 0.7])}  # Decides 1 and 2.


def row(zebra, apple, predictions=P):
    """Returns a row as TFMA hands it on; None is a missing label."""
    given = {"zebra": zebra, "apple": apple}
    return {
        "labels": {head: np.array([label or 0]) for head, label in given.items()},
        "predictions": predictions,
        "example_weights": {head: np.array([float(label is not None)]) for head, label in given.items()},
    }


def joint(rows, models=None):
    """Combines rows over two accumulators; returns values by model and name."""
    found = {}
    for computation in JointMetrics().computations(model_names=models, example_weighted=True):
        combiner, accumulators = computation.combiner, []
        for part in (rows[:1], rows[1:]):
            sums = combiner.create_accumulator()
            for element in part:
                sums = combiner.add_input(sums, metric_types.StandardMetricInputs(element))
            accumulators.append(sums)
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
