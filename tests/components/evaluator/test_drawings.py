"""What a report draws, from what the Evaluator counted."""

import numpy as np
import pytest

from components.evaluator import drawings
from components.evaluator.counts import ECE_BINS, HeadCounts
from components.evaluator.metrics import HISTOGRAM_EDGES, distributions_of
from components.exported import ExportedHead

BINARY = ExportedHead("multiclass", ("no", "yes"), (0.5, 0.5))
THREE = ExportedHead("multiclass", ("a", "b", "c"), (1 / 3,) * 3)
TAGS = ExportedHead("multilabel", ("x", "y"), (0.5, 0.5))


def drawn(head, labels, scores):
    counts = HeadCounts.of(np.array(labels), np.array(scores), head.thresholds, head.is_multilabel)
    return drawings.of_head(head, distributions_of(counts))


def filled(counts):
    """Returns the lower edges of the bins that hold anything, and how many."""
    return {HISTOGRAM_EDGES[i]: count for i, count in enumerate(counts) if count}


def test_two_classes_are_drawn_by_the_second():
    found = drawn(BINARY, [0, 0, 1, 1], [[0.88, 0.12], [0.38, 0.62], [0.28, 0.72], [0.28, 0.72]])
    assert found["confusion"] == [[1, 1], [0, 2]]
    histogram = found["score_histogram"]
    assert histogram["edges"] == pytest.approx(np.linspace(0, 1, 21))
    assert set(histogram["classes"]) == {"yes"}
    assert filled(histogram["classes"]["yes"]["other"]) == {0.1: 1, 0.6: 1}
    assert sum(histogram["classes"]["yes"]["true"]) == 2


def test_of_more_classes_each_is_drawn():
    found = drawn(THREE, [0, 2], [[0.72, 0.18, 0.1], [0.22, 0.72, 0.06]])
    assert found["confusion"] == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    classes = found["score_histogram"]["classes"]
    assert {name: filled(of["true"]) for name, of in classes.items()} == {"a": {0.7: 1}, "b": {}, "c": {0.05: 1}}
    assert filled(classes["b"]["other"]) == {0.15: 1, 0.7: 1}


def test_of_tags_each_has_its_own_table():
    found = drawn(TAGS, [[1, 0], [1, 1]], [[0.72, 0.22], [0.22, 0.72]])
    assert found["confusion"] == {"x": [[0, 0], [1, 1]], "y": [[1, 0], [0, 1]]}
    assert filled(found["score_histogram"]["classes"]["x"]["true"]) == {0.2: 1, 0.7: 1}


def test_reliability_leaves_empty_bins_out():
    found = drawn(BINARY, [0, 1, 1], [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    assert len(found["reliability"]) < ECE_BINS
    assert found["reliability"] == [
        {"score": pytest.approx(0.6), "happened": 1.0, "rows": 1},
        {"score": pytest.approx(0.9), "happened": 0.5, "rows": 2},
    ]


def test_where_there_is_nothing_to_draw_there_is_nothing():
    nothing = {"confusion": None, "reliability": None, "score_histogram": None}
    assert drawn(BINARY, [0], [[np.nan, np.nan]]) == nothing
    assert drawings.of_head(BINARY, {}) == nothing
