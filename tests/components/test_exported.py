import json

import pytest

from components import exported
from components.exported import HEADS_FILE, Exported, ExportedFeature, ExportedHead, read_exported
from schema.errors import DataError

LATE = ExportedHead("multiclass", ("no", "yes"), (0.7, 0.3))


@pytest.fixture
def model(tmp_path):
    """Writes the file of a model; returns the model's folder."""

    def write(**told):
        folder = tmp_path / "assets.extra"
        folder.mkdir()
        (folder / HEADS_FILE).write_text(json.dumps(told))
        return tmp_path

    return write


def test_a_model_is_read_with_heads_and_features_whatever_else_is_said(model):
    tags = {"type": "multilabel", "classes": ["a", "b"], "thresholds": [0.5, 0.2], "temperature": 1.5}
    late = {"type": "multiclass", "classes": ["no", "yes"], "thresholds": [0.7, 0.3]}
    features = {"photo": {"type": "image", "dtype": "BYTES"}, "age": {"type": "numeric", "dtype": "INT"}}
    assert read_exported(model(task="toy", heads={"tags": tags, "late": late}, features=features, more=1)) == Exported(
        "toy",
        {"tags": ExportedHead("multilabel", ("a", "b"), (0.5, 0.2)), "late": LATE},
        {"photo": ExportedFeature("image", "BYTES"), "age": ExportedFeature("numeric", "INT")},
    )


def test_a_model_of_version_0_1_decides_for_the_likeliest_class_and_tells_no_features(model):
    heads = {"late": ExportedHead("multiclass", ("a", "b", "c", "d"), (0.25,) * 4)}
    assert read_exported(model(heads={"late": ["a", "b", "c", "d"]})) == Exported("", heads, {})


def test_a_folder_without_the_file_is_no_model_of_ours(tmp_path):
    with pytest.raises(DataError, match=r"assets.extra/multihead.json: cannot be read.*that multihead exported"):
        read_exported(tmp_path)


@pytest.mark.parametrize("told", [{}, {"heads": 1}, {"heads": {"late": {}}}, {"heads": {}, "features": {"a": 1}}])
def test_a_damaged_file_is_an_error_that_says_how_to_mend_it(model, told):
    with pytest.raises(DataError, match="is not what multihead writes beside a model; export the model anew"):
        read_exported(model(**told))


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
