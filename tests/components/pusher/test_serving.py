"""The serving folder: versions that only grow, a pointer that is right or absent, never half a model."""

import json
import shutil

import pytest

from components.pusher import serving
from components.pusher.serving import POINTER_FILE, Pointer, push, read_pointer
from schema.errors import DataError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "serving"


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "saved_model.pb").write_text("graph")
    (tmp_path / "model" / "variables" / "variables.index").write_text("weights")
    return tmp_path / "model"


def push_named(model, folder, source):
    return push(model, folder, source=source, training=f"training of {source}", baseline=None)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


class TestPush:
    def test_the_first_version_is_a_whole_copy(self, folder, model):
        target = push(model, folder, source="a", training="t", baseline=None)
        assert target == folder / "1"
        copied = {path.relative_to(target) for path in target.rglob("*")}
        assert copied == {path.relative_to(model) for path in model.rglob("*")}
        assert (target / "variables" / "variables.index").read_text() == "weights"

    def test_the_pointer_says_what_was_pushed(self, folder, model):
        push(model, folder, source="a", training="t", baseline="/b/7")
        assert read_pointer(folder) == Pointer(version=1, source="a", training="t", baseline="/b/7")

    def test_versions_grow(self, folder, model):
        assert [push_named(model, folder, source).name for source in "abc"] == ["1", "2", "3"]
        assert names(folder) == ["1", "2", "3", POINTER_FILE]
        assert read_pointer(folder).source == "c"

    def test_the_tenth_comes_after_the_ninth(self, folder, model):
        (folder / "9").mkdir(parents=True)
        assert [push_named(model, folder, source).name for source in "ab"] == ["10", "11"]

    def test_the_same_model_is_pushed_once(self, folder, model):
        first = push_named(model, folder, "a")
        assert push_named(model, folder, "a") == first
        assert names(folder) == ["1", POINTER_FILE]

    def test_an_earlier_model_is_pushed_anew(self, folder, model):
        # What is served is the highest version: going back is a new one.
        assert [push_named(model, folder, source).name for source in "aba"] == ["1", "2", "3"]

    def test_nothing_is_pushed_beside_a_damaged_pointer(self, folder, model):
        for source in "ab":
            push_named(model, folder, source)
        shutil.rmtree(folder / "2")
        with pytest.raises(DataError, match=r"names version 2, which is not there; .* delete the file"):
            push_named(model, folder, "c")
        assert sorted(path.name for path in folder.iterdir()) == ["1", POINTER_FILE]

    def test_numbers_grow_without_a_pointer(self, folder, model):
        for source in "ab":
            push_named(model, folder, source)
        (folder / POINTER_FILE).unlink()
        assert push_named(model, folder, "b").name == "3"

    def test_strangers_in_the_folder_are_left_alone(self, folder, model):
        for name in ("²", "7a", ".9-half", "backup"):
            (folder / name).mkdir(parents=True)
        assert push_named(model, folder, "a").name == "1"
        assert names(folder) == sorted(["²", "7a", ".9-half", "backup", "1", POINTER_FILE])

    def test_a_version_appears_under_its_number_only_when_it_is_whole(self, folder, model, monkeypatch):
        seen = []

        def look_and_flush(path):
            seen.append((path.name, names(folder)))
            flush(path)

        flush = serving._flush
        monkeypatch.setattr(serving, "_flush", look_and_flush)
        push_named(model, folder, "a")
        flushed = [name for name, _ in seen[:-2]]
        assert sorted(flushed[1:]) == ["saved_model.pb", "variables", "variables.index"]
        assert {tuple(there) for _, there in seen[:-2]} == {(flushed[0],)}
        assert flushed[0].startswith(".")
        assert "1" in seen[-2][1]  # Before the pointer to it.

    def test_a_copy_that_fails_leaves_everything_as_it_was(self, folder, model, monkeypatch):
        push_named(model, folder, "a")

        def half_a_copy(source, target, **options):
            target.mkdir()
            (target / "saved_model.pb").touch()
            raise OSError("No space left on device")

        monkeypatch.setattr(serving.shutil, "copytree", half_a_copy)
        with pytest.raises(OSError, match="No space left"):
            push_named(model, folder, "b")
        assert names(folder) == ["1", POINTER_FILE]
        assert read_pointer(folder).source == "a"

    def test_a_crash_before_the_pointer_is_written_keeps_the_old_pointer(self, folder, model, monkeypatch):
        push_named(model, folder, "a")
        with monkeypatch.context() as patch:
            patch.setattr(serving, "_write_pointer", interrupt)
            with pytest.raises(KeyboardInterrupt):
                push_named(model, folder, "b")
        assert read_pointer(folder).source == "a"
        assert push_named(model, folder, "b").name == "3"
        assert read_pointer(folder).source == "b"


def interrupt(*_):
    raise KeyboardInterrupt


class TestPointer:
    def test_no_folder(self, folder):
        assert read_pointer(folder) is None

    def test_lost(self, folder, model):
        push_named(model, folder, "a")
        (folder / POINTER_FILE).unlink()
        assert read_pointer(folder) is None

    def test_its_version_is_gone(self, folder, model):
        push_named(model, folder, "a")
        shutil.rmtree(folder / "1")
        with pytest.raises(DataError, match="names version 1, which is not there"):
            read_pointer(folder)

    def test_half_written(self, folder, model):
        push_named(model, folder, "a")
        whole = (folder / POINTER_FILE).read_bytes()
        for size in range(len(whole) - 1):
            (folder / POINTER_FILE).write_bytes(whole[:size])
            with pytest.raises(DataError, match="is not what a push writes; put it right, or delete the file"):
                read_pointer(folder)

    @pytest.mark.parametrize(
        "contents",
        [
            b"\xff\xfe",
            b"null",
            b"[]",
            b"{}",
            b'"1"',
            b'{"version": 1}',
            b'{"version": 1, "source": "a", "training": "t", "baseline": null, "extra": 1}',
            b'{"version": "1", "source": "a", "training": "t", "baseline": null}',
            b'{"version": true, "source": "a", "training": "t", "baseline": null}',
            b'{"version": "../model", "source": "a", "training": "t", "baseline": null}',
        ],
    )
    def test_garbage_is_refused_and_deleting_it_starts_anew(self, folder, model, contents):
        push_named(model, folder, "a")
        (folder / "True").mkdir()
        (folder / POINTER_FILE).write_bytes(contents)
        with pytest.raises(DataError, match="delete the file to start without a baseline"):
            read_pointer(folder)
        (folder / POINTER_FILE).unlink()
        assert read_pointer(folder) is None
        assert push_named(model, folder, "b").name == "2"

    def test_it_is_replaced_whole(self, folder, model, monkeypatch):
        push_named(model, folder, "a")
        with monkeypatch.context() as patch:
            patch.setattr(serving.Path, "replace", interrupt)
            with pytest.raises(KeyboardInterrupt):
                push_named(model, folder, "b")
        assert json.loads((folder / POINTER_FILE).read_text())["source"] == "a"
