import shutil

import pytest

from pipeline.runners.step.folders import empty_folders, restore
from schema.errors import StepError

INPUT = ("examples", "minio://bucket/examples")


def test_empty_folders_survive_the_way_through_a_store(tmp_path):
    source, arrived = tmp_path / "source", tmp_path / "arrived"
    (source / "full").mkdir(parents=True)
    (source / "full" / "file").write_text("x")
    (source / "Split-eval").mkdir()
    (source / "deep" / "deeper").mkdir(parents=True)
    lost = empty_folders(source)
    assert lost == ["Split-eval", "deep/deeper"]

    shutil.copytree(source / "full", arrived / "full")
    restore(arrived, lost, *INPUT)
    found = sorted(str(path.relative_to(arrived)) for path in arrived.rglob("*"))
    assert found == ["Split-eval", "deep", "deep/deeper", "full", "full/file"]


def test_an_artifact_that_is_an_empty_folder_comes_back(tmp_path):
    (tmp_path / "empty").mkdir()
    assert empty_folders(tmp_path / "empty") == ["."]
    restore(tmp_path / "arrived", ["."], *INPUT)
    assert (tmp_path / "arrived").is_dir()


def test_an_artifact_of_empty_folders_alone_comes_back(tmp_path):
    (tmp_path / "empty" / "Split-eval").mkdir(parents=True)
    lost = empty_folders(tmp_path / "empty")
    assert lost == [".", "Split-eval"]
    restore(tmp_path / "arrived", lost, *INPUT)
    assert (tmp_path / "arrived" / "Split-eval").is_dir()


@pytest.mark.parametrize("lost", [(), ["Split-eval"]])
def test_an_artifact_that_had_files_and_is_gone_is_an_error_with_key_and_uri(tmp_path, lost):
    with pytest.raises(StepError, match="input examples: minio://bucket/examples: nothing is there any more"):
        restore(tmp_path / "arrived", lost, *INPUT)
    assert not (tmp_path / "arrived").exists()


def test_an_artifact_that_is_a_file_stays_one(tmp_path):
    (tmp_path / "value").write_text("1")
    assert empty_folders(tmp_path / "value") == []
    restore(tmp_path / "value", (), *INPUT)
    assert (tmp_path / "value").read_text() == "1"
