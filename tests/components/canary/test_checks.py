"""What is wrong with an answer is found and said, for every signature."""

import numpy as np
import pytest

from components.canary import checks
from components.exported import Exported, ExportedFeature, ExportedHead

EXPORTED = Exported(
    "toy",
    {"late": ExportedHead("multiclass", ("no", "yes"), (0.5, 0.5)), "tags": ExportedHead("multilabel", ("x",), (0.5,))},
    {"age": ExportedFeature("numeric", "INT")},
)


def serving(**changed):
    answer = {
        "late/scores": np.array([[0.25, 0.75], [0.5, 0.5]], np.float32),
        "late/classes": np.array([[b"no", b"yes"]] * 2, object),
        "late/label": np.array([b"yes", b"no"], object),
        "tags/scores": np.array([[0.75], [0.25]], np.float32),
        "tags/classes": np.array([[b"x"]] * 2, object),
        "tags/labels": np.array([[b"x"], [b""]], object),
    }
    return answer | {name.replace("__", "/"): np.array(value) for name, value in changed.items()}


def evaluation(**changed):
    late, tags = serving()["late/scores"], serving()["tags/scores"]
    return {"late": late, "late/uncalibrated": late, "tags": tags, "tags/uncalibrated": tags} | changed


def transformed(**changed):
    parts = ("age_xf", "age_missing", "late_label", "late_labelled", "tags_label", "tags_labelled")
    return {part: np.ones(2, np.float32) for part in parts} | changed


@pytest.mark.parametrize(
    ("signature", "answer"),
    [
        ("serving_default", serving()),
        ("serving_tf_example", serving()),
        ("evaluation", evaluation()),
        ("transform_features", transformed()),
        ("transform_features", transformed(photo_xf=np.array([b"", b"..."], object))),
    ],
)
def test_a_right_answer(signature, answer):
    assert checks.problem(signature, answer, EXPORTED, 2) is None


def test_a_number_between_bins_has_its_place_only():
    answer = transformed(age_position=np.ones(2))
    del answer["age_xf"]
    assert checks.problem("transform_features", answer, EXPORTED, 2) is None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"late__extra": [1]}, "its outputs are late/classes, late/extra, late/label, .* expected late/classes, "),
        ({"late__scores": [[0.5, 0.5]]}, r"'late/scores' has the shape \(1, 2\), expected \(2, 2\)"),
        ({"late__scores": [[0.2, 0.3, 0.5]] * 2}, r"'late/scores' has the shape \(2, 3\)"),
        ({"late__scores": [[0.5, 0.5], [np.nan, 0.5]]}, "'late/scores' holds values that are no finite numbers"),
        ({"tags__scores": [[np.inf], [0.5]]}, "'tags/scores' holds values that are no finite numbers"),
        ({"late__scores": [[1.5, -0.5], [0.5, 0.5]]}, "'late/scores' holds values outside 0 to 1"),
        ({"tags__scores": [[1.01], [0.5]]}, "'tags/scores' holds values outside 0 to 1"),
        ({"late__scores": [[0.5, 0.4], [0.5, 0.5]]}, "'late/scores' does not sum to 1 over the classes"),
        ({"late__classes": [[b"yes", b"no"]] * 2}, "'late/classes' does not hold the classes no, yes for each of 2"),
        ({"late__classes": [[b"no", b"yes"]]}, "'late/classes' does not hold the classes no, yes for each of 2"),
        ({"late__label": [b"no"]}, r"'late/label' has the shape \(1,\), expected \(2,\)"),
        ({"late__label": [b"no", b"perhaps"]}, "'late/label' holds 'perhaps', which is no class"),
        ({"late__label": [b"no", b""]}, "'late/label' holds '', which is no class"),
        ({"tags__labels": [[b"y"], [b""]]}, "'tags/labels' holds 'y', which is no class"),
    ],
)
@pytest.mark.parametrize("signature", ["serving_default", "serving_tf_example"])
def test_a_wrong_answer_of_a_serving_signature(signature, changed, expected):
    import re

    assert re.match(expected, checks.problem(signature, serving(**changed), EXPORTED, 2))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"late": serving()["late/scores"]}, "its outputs are late, expected late, late/uncalibrated, tags"),
        (evaluation(tags=np.ones((3, 1))), "'tags' has the shape (3, 1), expected (2, 1)"),
        (evaluation(late=np.full((2, 2), np.nan)), "'late' holds values that are no finite numbers"),
    ],
)
def test_a_wrong_answer_of_evaluation(answer, expected):
    assert checks.problem("evaluation", answer, EXPORTED, 2).startswith(expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"age_xf": np.ones(2)}, "it lacks the outputs late_label, late_labelled, tags_label, tags_labelled"),
        (transformed(age_xf=np.ones(3)), "'age_xf' has the shape (3,), asked about 2 rows"),
        (transformed(age_xf=np.array([1, np.inf])), "'age_xf' holds values that are no finite numbers"),
    ],
)
def test_a_wrong_answer_of_transform_features(answer, expected):
    assert checks.problem("transform_features", answer, EXPORTED, 2) == expected


def test_signatures_agree_up_to_rounding_or_are_named():
    answers = {"serving_tf_example": serving(), "serving_default": serving(), "evaluation": evaluation()}
    assert checks.disagreement(answers, EXPORTED) is None
    close = answers | {"serving_default": serving(tags__scores=[[0.750005], [0.25]])}
    assert checks.disagreement(close, EXPORTED) is None
    other = answers | {"serving_default": serving(tags__scores=[[0.7501], [0.25]])}
    assert checks.disagreement(other, EXPORTED) == "'tags/scores' of serving_default is not 'tags/scores' of " + (
        "serving_tf_example"
    )
    other = answers | {"evaluation": evaluation(late=np.array([[0.25, 0.75], [0.6, 0.4]]))}
    assert checks.disagreement(other, EXPORTED) == "'late' of evaluation is not 'late/scores' of serving_tf_example"
