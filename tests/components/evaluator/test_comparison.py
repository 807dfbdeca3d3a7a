"""What is compared with a baseline, and how a report says it."""

import pytest

from components.evaluator.comparison import Comparison
from components.exported import ExportedHead

A = ExportedHead("multiclass", ("no", "yes"), (0.5, 0.5))
B = ExportedHead("multiclass", ("x", "y"), (0.5, 0.5))


@pytest.mark.parametrize(
    ("candidate", "baseline", "uncompared", "sentence"),
    [
        ({"a": A, "b": B}, {"b": B, "a": A}, {}, "compared with /serving/3"),
        (
            {"a": A, "b": B},
            {"a": A},
            {"b": "the head is new", "joint": "the baseline has no such head, or other classes: b"},
            "compared with /serving/3; new heads, without max_drop this once: b",
        ),
        ({"a": A}, {"a": A, "b": B, "c": A}, {}, "compared with /serving/3; heads no longer there: b, c"),
        (
            {"a": A, "b": B},
            {"a": A, "b": A},
            {
                "b": "its classes changed, it counts as a new head",
                "joint": "the baseline has no such head, or other classes: b",
            },
            "compared with /serving/3; heads with other classes now, without max_drop this once: b",
        ),
        (
            {"a": A},
            {"a": B, "b": B},
            {
                "a": "its classes changed, it counts as a new head",
                "joint": "the baseline has no such head, or other classes: a",
            },
            "no head to compare with /serving/3; heads with other classes now, without max_drop this once: a; "
            "heads no longer there: b",
        ),
        (
            {"a": A, "b": B},
            {},
            {"a": "no baseline", "b": "no baseline", "joint": "no baseline"},
            "not compared with /serving/3, which does not say what its heads are; `max_drop` was not applied",
        ),
    ],
)
def test_heads_are_compared_that_both_models_have_with_the_same_classes(candidate, baseline, uncompared, sentence):
    found = Comparison.of(candidate, baseline)
    assert found.uncompared() == uncompared
    assert set(found.shared) == set(candidate) - set(uncompared)
    assert found.sentence("/serving/3") == sentence


def test_thresholds_may_differ_and_are_the_baselines_own():
    other = ExportedHead("multiclass", ("no", "yes"), (0.9, 0.1))
    assert Comparison.of({"a": A}, {"a": other}).shared == {"a": other}
