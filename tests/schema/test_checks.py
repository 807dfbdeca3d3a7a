"""task.yaml against schema.pbtxt where rows hold texts, images and lists of tags."""

import pytest
from google.protobuf import text_format

from schema.columns import class_names, columns, read_schema
from schema.contract import load_contract
from schema.problems import TaskError

TASK = """
task: media
features:
  words: {type: text}
  photo: {type: image, shape: [96, 96, 3]}
heads:
  kind: {type: multiclass}
  size: {type: multiclass}
  tags: {type: multilabel}
  moods: {type: multilabel}
gates: {kind: none, size: none, tags: none, moods: none}
"""
SCHEMA = """\
default_environment: "TRAINING"
default_environment: "SERVING"
feature { name: "words" type: BYTES }
feature { name: "photo" type: BYTES }
feature { name: "number" type: INT }
feature { name: "kind" type: BYTES string_domain { value: "cat" value: "dog" } not_in_environment: "SERVING" }
feature { name: "size" type: BYTES domain: "sizes" not_in_environment: "SERVING" }
feature { name: "tags" type: BYTES string_domain { value: "wet" value: "new" } not_in_environment: "SERVING" }
feature { name: "moods" type: BYTES domain: "sizes" value_count { max: 9 } not_in_environment: "SERVING" }
string_domain { name: "sizes" value: "small" value: "large" value: "huge" }
"""


@pytest.fixture
def write(tmp_path):
    def write_files(pbtxt=SCHEMA):
        (tmp_path / "task.yaml").write_text(TASK, encoding="utf-8")
        (tmp_path / "schema.pbtxt").write_text(pbtxt, encoding="utf-8")
        return tmp_path

    return write_files


def problems(folder, *overrides):
    with pytest.raises(TaskError) as error:
        load_contract(folder, overrides)
    return error.value.problems


@pytest.mark.parametrize(
    ("override", "key", "expected"),
    [
        ("features.number={type: text}", "features.number.type", "the column is INT in SCHEMA, expected BYTES"),
        (
            "features.number={type: image, shape: [32, 32, 1]}",
            "features.number.type",
            "the column is INT in SCHEMA, expected BYTES",
        ),
        (
            "data.format=csv",
            "features.photo.source",
            "bytes cannot stand in a CSV file (data.format): write paths into the column and `source: path`; "
            "allowed: path",
        ),
        (
            "features.photo.encoder={type: inception_v3, weights: models/v3.weights.h5}",
            "features.photo.encoder.weights",
            "there is no weights file FOLDER/models/v3.weights.h5; allowed: imagenet, none, a file, relative to FOLDER",
        ),
        (
            "features.photo.encoder={type: inception_v3, weights: imagnet}",
            "features.photo.encoder.weights",
            "there is no weights file FOLDER/imagnet; allowed: imagenet, none, a file, relative to FOLDER; "
            "did you mean 'imagenet'?",
        ),
        (
            "heads.size.threshold={metric: f1}",
            "heads.size.threshold.metric",
            "f1 is for two classes or for tags, and 'size' has 3 classes; allowed: accuracy, balanced_accuracy",
        ),
        (
            "heads.size.threshold={metric: macro_f1}",
            "heads.size.threshold.metric",
            "macro_f1 is for two classes or for tags, and 'size' has 3 classes; allowed: accuracy, balanced_accuracy",
        ),
        (
            "heads.tags.loss.class_weights={neww: 2}",
            "heads.tags.loss.class_weights.neww",
            "'neww' is not a class of 'tags'; allowed: wet, new; did you mean 'new'?",
        ),
        (
            "data.split={by: hash, key: [number, tags]}",
            "data.split.key.1",
            "'tags' holds a list per row: split by a column of single values",
        ),
        (
            "data.split={by: column, column: tags}",
            "data.split.column",
            "'tags' holds a list per row: split by a column of single values",
        ),
    ],
)
def test_one_wrong_key(write, override, key, expected):
    folder = write()
    load_contract(folder)
    [problem] = problems(folder, override)
    assert problem.key == key
    expected = expected.replace("SCHEMA", str(folder / "schema.pbtxt")).replace("FOLDER", str(folder))
    assert str(problem).endswith(f": {key}: {expected}")


@pytest.mark.parametrize(
    ("old", "new", "key", "fragment"),
    [
        ('"kind" type: BYTES', '"kind" type: BYTES value_count { max: 2 }', "kind", "only one value per row"),
        ('"words" type: BYTES', '"words" type: BYTES value_count { max: 2 }', "words", "only one value per row"),
        ('"tags" type: BYTES', '"tags" type: BYTES shape { dim { size: 2 } }', "tags", "leave shape out"),
        ('"tags" type: BYTES', '"tags" type: INT', "tags", "a label must be BYTES with a string_domain of one or more"),
        ('value: "wet" value: "new"', "", "tags", "one or more tags, got 0"),
        ('value: "wet"', 'value: ""', "tags", "an empty one is how a row without any tag looks"),
    ],
)
def test_one_wrong_word_of_the_schema(write, old, new, key, fragment):
    [problem] = problems(write(SCHEMA.replace(old, new)))
    assert problem.key == key
    assert fragment in str(problem)


@pytest.mark.parametrize(
    "override",
    [
        "heads.kind.threshold={metric: f1}",
        "heads.size.threshold={metric: balanced_accuracy}",
        "heads.moods.threshold={metric: macro_f1}",
        "heads.tags.loss.class_weights={new: 2}",
        "heads.size.depends_on=[{head: tags, mode: probs}]",
        "features.photo.encoder={type: inception_v3}",
        "features.photo.encoder={type: inception_v3, weights: none, trainable: true}",
    ],
)
def test_right_keys(write, override):
    assert load_contract(write(), [override])


def test_a_csv_file_with_paths_of_images(write):
    assert load_contract(write(), ["data.format=csv", "features.photo.source=path"])


def test_a_weights_file_is_looked_for_in_the_folder_of_the_task(write, tmp_path, monkeypatch):
    (tmp_path / "v3.weights.h5").write_bytes(b"")
    folder = write()
    monkeypatch.chdir(tmp_path.parent)
    override = "features.photo.encoder={type: inception_v3, weights: v3.weights.h5}"
    task = load_contract(folder.relative_to(tmp_path.parent), [override]).task
    assert task.features["photo"].encoder.weights == str(tmp_path / "v3.weights.h5")
    assert load_contract(folder).task.features["photo"].encoder.type == "cnn"


def test_the_schema_of_the_examples_allows_rows_without_tags(write):
    contract = load_contract(write())
    declared = columns(contract.schema)
    assert list(declared["tags"].string_domain.value) == ["wet", "new", ""]
    # A domain that another column shares is copied.
    assert list(declared["moods"].string_domain.value) == ["small", "large", "huge", ""]
    assert class_names(contract.schema, "size") == ("small", "large", "huge")
    assert contract.classes["moods"] == contract.classes["size"] == ("small", "large", "huge")
    file = read_schema(contract.folder / "schema.pbtxt")
    assert [declared[name] for name in ("words", "kind", "size")] == [
        columns(file)[name] for name in ("words", "kind", "size")
    ]
    assert text_format.Parse(text_format.MessageToString(contract.schema), type(contract.schema)()) == contract.schema
