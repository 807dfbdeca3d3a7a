"""Results of real evaluations, against the same numbers from the predictions themselves."""

import numpy as np
import pytest
import tensorflow as tf

from components.evaluator import config, results
from components.evaluator.counts import decide
from components.evaluator.exported import exported_heads
from components.evaluator.metrics import head_metrics
from components.evaluator.results import OVERALL, slice_key


@pytest.fixture(scope="module")
def predicted(sample, exported, rows):
    """Probabilities by output, from the SavedModel."""
    signature = tf.saved_model.load(str(exported / "Format-Serving")).signatures["evaluation"]
    examples = tf.constant(sample.serialize(rows))
    return {name: values.numpy() for name, values in signature(examples).items()}


@pytest.fixture(scope="module")
def answers(exported):
    """The heads of the model."""
    return exported_heads(str(exported))


def label_of(head, value):
    """Returns the index of a class, or 1 for every tag that the row has."""
    if head.is_multilabel:
        return [int(tag in value) for tag in head.classes]
    return head.classes.index(value)


@pytest.fixture(scope="module")
def expected(answers, rows, predicted):
    """Computes a head's metrics over its labelled rows in a slice, NaN left out as in Results."""

    def metrics(head, **columns):
        keep = [
            i
            for i, row in enumerate(rows)
            if row[head] is not None and all(row[name] == value for name, value in columns.items())
        ]
        of_head = answers[head]
        labels = np.array([label_of(of_head, rows[i][head]) for i in keep], int)
        found = head_metrics(
            labels.reshape((-1, len(of_head.classes)) if of_head.is_multilabel else -1),
            predicted[head][keep],
            np.ones(len(keep)),
            of_head.thresholds,
            of_head.is_multilabel,
            predicted[f"{head}/uncalibrated"][keep],
        )
        return {name: value for name, value in found.items() if not np.isnan(value)}

    return metrics


@pytest.fixture(scope="module")
def alone(sample, cold):
    return results.load(cold.uri, tuple(sample.task.heads))


def test_overall_metrics_count_labelled_rows_only(sample, alone, expected):
    counts = {head: alone.heads[head][OVERALL]["labelled"] for head in sample.task.heads}
    assert len(set(counts.values())) > 1
    assert max(counts.values()) < 200
    for head in sample.task.heads:
        assert expected(head) == pytest.approx(alone.heads[head][OVERALL], rel=1e-5)


def test_slices_show_raw_values_and_count_labelled_rows_only(sample, alone, expected):
    cities = ["bonn", "lima", "oslo", "rome"]
    for head in sample.task.heads:
        found = alone.heads[head]
        assert sorted(key[0] for key in found if key and key[0][0] == "city") == [("city", city) for city in cities]
        for city in cities:
            assert expected(head, city=city) == pytest.approx(found[("city", city),], rel=1e-5)


def test_a_slice_without_a_labelled_row_of_a_head_has_a_count_of_0_and_no_metrics(alone):
    assert alone.heads["fit"][("city", "lima"),] == {"labelled": 0.0}
    assert alone.heads["zone"][("city", "lima"),]["labelled"] > 0


def test_a_slice_that_only_a_gate_asks_for_is_there_under_the_key_of_the_gate(sample, alone, expected):
    (gate,) = sample.task.gates["zone"]
    assert expected("zone", code=7) == pytest.approx(alone.heads["zone"][slice_key(gate.slice)], rel=1e-5)


def test_joint_metrics_look_at_all_heads_of_a_row(answers, alone, rows, predicted):
    labelled = exact = labels = wrong = 0
    for i, row in enumerate(rows):
        errors = [
            is_wrong
            for name, head in answers.items()
            if row[name] is not None
            for is_wrong in np.ravel(
                decide(predicted[name][i : i + 1], head.thresholds, head.is_multilabel)[0] != label_of(head, row[name])
            )
        ]
        labelled, labels, wrong = labelled + bool(errors), labels + len(errors), wrong + sum(errors)
        exact += bool(errors) and not any(errors)
    found = alone.joint[OVERALL]
    assert (found["labelled"], found["exact_match"], found["hamming_loss"]) == pytest.approx(
        (labelled, exact / labelled, wrong / labels)
    )


def test_label_consistency_is_the_largest_difference_of_the_association(sample, alone, rows):
    pairs = alone.association
    assert len(pairs) == 10  # Of five heads.
    differences = [abs(pair["predicted"] - pair["true"]) for pair in pairs]
    assert differences == sorted(differences, reverse=True)
    assert alone.joint[OVERALL]["label_consistency"] == pytest.approx(differences[0])
    both = [row for row in rows if all(row[head] is not None for head in pairs[0]["heads"])]
    assert pairs[0]["labelled"] == len(both)


def test_joint_metrics_are_sliced_as_those_of_heads_are(alone):
    assert set(alone.joint) == set(alone.heads["zone"])
    assert alone.joint[("city", "oslo"),]["hamming_loss"] != alone.joint[("city", "rome"),]["hamming_loss"]
    # A city without a label of one head has labels of others.
    assert alone.joint[("city", "lima"),]["labelled"] > 0


def test_what_is_drawn_of_a_head_is_of_all_its_rows(sample, alone):
    for head in sample.task.heads:
        drawn, metrics = alone.distributions[head], alone.heads[head][OVERALL]
        confusion = np.array(drawn["confusion"])
        assert np.trace(confusion.sum(axis=0)) / confusion.sum() == pytest.approx(metrics["accuracy"])
        assert confusion.shape[0] == (3 if head == "tags" else 1)


def test_with_a_baseline_both_models_have_their_own_results(sample, compared, alone):
    shared = ("zone", "mood", "fit", "tags")
    candidate = results.load(compared.uri, tuple(sample.task.heads), config.CANDIDATE)
    baseline = results.load(compared.uri, shared, config.BASELINE)
    for head in sample.task.heads:
        assert set(alone.heads[head]) == set(candidate.heads[head])
        for key, metrics in alone.heads[head].items():
            assert metrics == pytest.approx(candidate.heads[head][key], rel=1e-6)
    assert set(candidate.joint) == set(alone.joint)
    for key, metrics in alone.joint.items():
        assert metrics == pytest.approx(candidate.joint[key])
    assert baseline.joint == {}  # It has other classes for a head.
    for head in shared:
        assert candidate.heads[head] == baseline.heads[head]


@pytest.mark.parametrize(
    ("columns", "expected_key"),
    [
        ({}, ()),
        ({"origin": "JFK"}, (("origin", "JFK"),)),
        ({"b": "x", "a": b"y"}, (("a", "y"), ("b", "x"))),
        ({"hour": 7}, (("hour", "7"),)),
        ({"hour": 7.0}, (("hour", "7"),)),
        ({"share": 0.5}, (("share", "0.5"),)),
    ],
)
def test_slice_keys_do_not_depend_on_order_or_type(columns, expected_key):
    assert expected_key == slice_key(columns)
