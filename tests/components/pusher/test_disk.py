"""What writers that were killed leave is told from everything else."""

import os
import uuid

from components.pusher.disk import beside, in_the_way, sweep


def test_drafts_are_swept_and_nothing_else(tmp_path):
    strangers = ["1", ".lock", f"1-{uuid.uuid4().hex}", f".{uuid.uuid4().hex}", ".1-abc"]
    for name in strangers:
        (tmp_path / name).touch()
    beside(tmp_path / "history.json").touch()
    (beside(tmp_path / "1") / "variables").mkdir(parents=True)
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(strangers)


def test_drafts_of_one_name(tmp_path):
    mine, another = beside(tmp_path / "status.json"), beside(tmp_path / "metadata.db")
    mine.touch()
    another.touch()
    sweep(tmp_path, "status.json")
    assert list(tmp_path.iterdir()) == [another]


def test_a_folder_that_is_not_there(tmp_path):
    sweep(tmp_path / "none")


def test_what_is_in_the_way_of_a_writer(tmp_path, monkeypatch):
    locked, file = tmp_path / "locked", tmp_path / "file"
    locked.mkdir()
    file.touch()
    access = os.access
    # To root no folder is locked.
    monkeypatch.setattr(os, "access", lambda path, mode: path != locked and access(path, mode))
    assert in_the_way(tmp_path) is None
    assert in_the_way(tmp_path / "new" / "serving") is None
    assert in_the_way(locked) == in_the_way(locked / "new" / "serving") == locked
    assert in_the_way(file) == in_the_way(file / "serving") == file
