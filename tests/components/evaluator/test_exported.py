import json

import pytest

from components.evaluator import exported
from components.evaluator.exported import ExportedHead, exported_heads
from components.trainer.export import HEADS_FILE

LATE = ExportedHead("multiclass", ("no", "yes"), (0.7, 0.3))


@pytest.fixture
def model(tmp_path):
    """Writes the file of a model; returns the artifact's folder."""

    def write(heads):
        folder = tmp_path / "Format-Serving" / "assets.extra"
        folder.mkdir(parents=True)
        (folder / HEADS_FILE).write_text(json.dumps({"heads": heads}))
        return str(tmp_path)

    return write


def test_heads_are_read_with_type_classes_and_thresholds_whatever_else_is_said(model):
    tags = {"type": "multilabel", "classes": ["a", "b"], "thresholds": [0.5, 0.2], "temperature": 1.5}
    late = {"type": "multiclass", "classes": ["no", "yes"], "thresholds": [0.7, 0.3]}
    assert exported_heads(model({"tags": tags, "late": late})) == {
        "tags": ExportedHead("multilabel", ("a", "b"), (0.5, 0.2)),
        "late": LATE,
    }


def test_a_model_of_version_0_1_decides_for_the_likeliest_class(model):
    expected = {"late": ExportedHead("multiclass", ("a", "b", "c", "d"), (0.25,) * 4)}
    assert exported_heads(model({"late": ["a", "b", "c", "d"]})) == expected


def test_without_a_model_there_are_no_heads(tmp_path):
    assert exported_heads(str(tmp_path)) == {}


def test_heads_survive_as_plain_data():
    heads = {"late": LATE}
    assert exported.heads_of(json.loads(json.dumps(exported.to_data(heads)))) == heads


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (ExportedHead("multiclass", ("no", "yes"), (0.5, 0.5)), True),
        (ExportedHead("multiclass", ("yes", "no"), (0.7, 0.3)), False),
        (ExportedHead("multiclass", ("no", "yes", "perhaps"), (0.7, 0.3, 0.5)), False),
        (ExportedHead("multilabel", ("no", "yes"), (0.7, 0.3)), False),
        (None, False),
    ],
)
def test_heads_compare_by_type_and_classes(other, expected):
    assert LATE.answers_like(other) is expected
