"""The metrics of a head as a TFMA metric."""

import json
import zlib

import numpy as np
import pytest
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.metrics import HeadCounts, decide, distributions_of, head_metrics
from components.evaluator.per_head import HeadMetrics

ROWS = 1500
THRESHOLDS = [0.2, 0.4, 0.4]
RNG = np.random.default_rng(0)
SCORES = RNG.dirichlet([1, 1, 1], ROWS)
LABELS = {False: RNG.integers(0, 3, ROWS), True: RNG.integers(0, 2, (ROWS, 3))}
MASK = (RNG.random(ROWS) < 0.5).astype(np.float32)


def element(i, multilabel, trained):
    """Returns a row as TFMA hands it to a metric."""
    predictions = {"h": SCORES[i]} | ({"h/uncalibrated": SCORES[i] ** 2} if trained else {})
    labels = LABELS[multilabel][i]
    return {
        "labels": {"h": labels if multilabel else np.array([labels])},
        "predictions": predictions,
        "example_weights": {"h": MASK[i : i + 1]},
    }


def combine(elements, multilabel, model="", with_drawn=False):
    """Runs the computations in plain Beam, over several accumulators; returns numbers by name, and what is drawn."""
    found = {}
    metric = HeadMetrics(THRESHOLDS, multilabel)
    for computation in metric.computations(model_names=[model], output_names=["h"], example_weighted=True):
        combiner = computation.combiner
        accumulators = []
        for part in (elements[:700], elements[700:701], elements[701:701], elements[701:]):
            accumulator = combiner.create_accumulator()
            for given in part:
                accumulator = combiner.add_input(accumulator, metric_types.StandardMetricInputs(given))
            accumulators.append(combiner.compact(accumulator))
        found |= combiner.extract_output(combiner.merge_accumulators(accumulators))
    assert {(key.model_name, key.output_name) for key in found} == {(model, "h")}
    by_name = {key.name: value for key, value in found.items()}
    drawn = by_name.pop("distributions")
    return (by_name, json.loads(zlib.decompress(drawn))) if with_drawn else by_name


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("buffered", [8, 10_000])
def test_labelled_rows_are_counted_whether_buffered_or_folded(monkeypatch, buffered, multilabel):
    monkeypatch.setattr("components.evaluator.buffered.BUFFERED_ROWS", buffered)
    expected = head_metrics(LABELS[multilabel], SCORES, MASK, THRESHOLDS, multilabel, SCORES**2)
    found = combine([element(i, multilabel, trained=True) for i in range(ROWS)], multilabel)
    assert expected == pytest.approx(found, rel=1e-9)
    assert not np.isnan(list(found.values())).any()


def test_a_model_that_does_not_tell_what_it_was_trained_to_give_lacks_that_metric_alone():
    found = combine([element(i, False, trained=False) for i in range(ROWS)], False)
    assert [name for name, value in found.items() if np.isnan(value)] == ["ece_uncalibrated"]


def test_of_several_models_each_has_its_own_rows():
    rows = [element(i, True, trained=True) for i in range(ROWS)]
    blind = [row | {"predictions": {"h": np.full(3, 0.5)}} for row in rows]
    both = [{key: {"a": a[key], "b": b[key]} for key in a} for a, b in zip(rows, blind, strict=True)]
    assert combine(both, True, "a") == combine(rows, True)
    assert combine(both, True, "b") == pytest.approx(combine(blind, True), nan_ok=True)


def test_without_rows_there_is_a_count_of_0():
    found = combine([], True)
    assert found.pop("labelled") == 0
    assert np.isnan(list(found.values())).all()


@pytest.mark.parametrize("multilabel", [False, True])
def test_what_is_drawn_is_of_the_same_rows(multilabel):
    values, drawn = combine([element(i, multilabel, trained=True) for i in range(ROWS)], multilabel, with_drawn=True)
    kept = MASK > 0
    labels, p = LABELS[multilabel][kept], SCORES[kept]
    decided = decide(p, THRESHOLDS, multilabel)
    confusion = np.array(drawn["confusion"])
    if multilabel:
        for tag in range(3):
            expected = [[((labels[:, tag] == t) & (decided[:, tag] == d)).sum() for d in (0, 1)] for t in (0, 1)]
            assert confusion[tag].tolist() == expected
        is_true = labels == 1
    else:
        assert confusion.tolist() == [[[((labels == t) & (decided == d)).sum() for d in range(3)] for t in range(3)]]
        is_true = labels[:, np.newaxis] == np.arange(3)
    scores = np.array(drawn["scores"]).reshape(3, 2, 20)
    for answer in range(3):
        for truth in (0, 1):
            found = p[:, answer][is_true[:, answer] == truth]
            # Bins of the logit end near those of the probability, not at them.
            expected = np.cumsum(np.histogram(found, np.linspace(0, 1, 21))[0])
            assert np.abs(np.cumsum(scores[answer, truth]) - expected).max() <= 5
            assert scores[answer, truth].sum() == len(found)
    rows, happened, total = np.array(drawn["reliability"])
    assert np.abs(happened - total).sum() / rows.sum() == pytest.approx(values["ece"])
    assert rows.sum() == (3 if multilabel else 1) * values["labelled"]


def test_nothing_is_drawn_of_scores_that_are_no_numbers():
    broken = element(1, False, trained=True)
    broken["example_weights"] = {"h": np.ones(1)}
    broken["predictions"] = {"h": np.full(3, np.nan)}
    assert combine([element(0, False, trained=False), broken], False, with_drawn=True)[1] == {}


def test_a_confusion_matrix_that_nobody_can_read_is_left_out():
    many = 101
    counts = HeadCounts.of(np.zeros(2, int), np.full((2, many), 1 / many), [1 / many] * many)
    drawn = distributions_of(counts)
    assert drawn["confusion"] is None
    assert np.array(drawn["scores"]).shape == (1, many, 2, 20)
    few = distributions_of(HeadCounts.of(np.zeros(2, int), np.full((2, 100), 0.01), [0.01] * 100))
    assert np.array(few["confusion"]).shape == (1, 100, 100)
