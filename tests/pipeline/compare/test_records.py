"""Finished trainings on disk."""

import pytest

from pipeline.compare import records


def test_what_is_written_is_read(tmp_path):
    file = tmp_path / "trainings" / "a.json"
    records.write(file, {"format": 1, "seconds": 1.5})
    assert records.read(file) == {"format": 1, "seconds": 1.5}
    assert [path.name for path in file.parent.iterdir()] == ["a.json"]


def test_nothing(tmp_path):
    assert records.read(tmp_path / "none.json") is None


@pytest.mark.parametrize("text", ["", '{"format": 1, "sec', "[]", '{"format": 0}'], ids=repr)
def test_what_is_not_whole_or_of_another_format_counts_as_nothing(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert records.read(tmp_path / "a.json") is None


def test_a_number_that_json_does_not_know_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        records.write(tmp_path / "a.json", {"format": 1, "auc": float("nan")})
    assert records.read(tmp_path / "a.json") is None
