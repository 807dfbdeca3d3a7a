"""A file is the old one or the new one, and nothing is left beside it."""

import pytest

from components.pusher.disk import replacing, sweep, write_whole


@pytest.fixture
def file(tmp_path):
    (tmp_path / "file").write_text("old")
    return tmp_path / "file"


def names(file):
    return sorted(entry.name for entry in file.parent.iterdir())


def test_readers_see_the_old_file_until_the_new_one_is_whole(file):
    with replacing(file) as temporary:
        temporary.write_text("new")
        assert file.read_text() == "old"
        assert temporary.name.startswith(".file-")
    assert (file.read_text(), names(file)) == ("new", ["file"])


def fail(file, error):
    with replacing(file) as temporary:
        temporary.write_text("ne")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_after_an_error_the_old_file_is_there_alone(file, error):
    with pytest.raises(error):
        fail(file, error)
    assert (file.read_text(), names(file)) == ("old", ["file"])


def test_texts_are_utf_8(file):
    write_whole(file, "é")
    assert file.read_bytes() == "é".encode()


def test_a_file_that_is_put_in_place_while_others_are_swept_is_no_error(file, monkeypatch):
    with replacing(file) as temporary:
        temporary.write_text("new")
        looked = [*file.parent.iterdir()]
    monkeypatch.setattr(type(file), "iterdir", lambda _: iter(looked))
    sweep(file.parent)
    assert file.read_text() == "new"
