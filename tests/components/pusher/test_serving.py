"""The serving folder: versions that only grow, a pointer that follows, never half a model."""

import json
import os
import shutil
import threading
from concurrent import futures

import pytest

from components.pusher import disk, serving
from components.pusher.folder import latest, versions
from components.pusher.history import HISTORY_FILE, RECORD_FILE
from components.pusher.pointer import POINTER_FILE, Pointer, read_pointer
from components.pusher.rollback import roll_back
from components.pusher.serving import prune, push
from schema.errors import DataError

FILES = [POINTER_FILE, HISTORY_FILE]


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def interrupt(*_):
    raise KeyboardInterrupt


class TestPush:
    def test_the_first_version_is_a_whole_copy(self, folder, model):
        target = push(model, folder, source="a", training="t", baseline=None)
        assert target == folder / "1"
        copied = {str(path.relative_to(target)) for path in target.rglob("*")}
        assert copied == {str(path.relative_to(model)) for path in model.rglob("*")} | {RECORD_FILE}
        assert (target / "variables" / "variables.index").read_text() == "weights"

    def test_the_pointer_says_what_was_pushed(self, folder, model):
        push(model, folder, source="a", training="t", baseline="/b/7")
        assert read_pointer(folder) == Pointer(version=1, source="a", training="t", baseline="/b/7")

    def test_versions_grow(self, folder, push_named):
        assert [push_named(source).name for source in "abc"] == ["1", "2", "3"]
        assert names(folder) == ["1", "2", "3", *FILES]
        assert read_pointer(folder).source == "c"

    def test_the_tenth_comes_after_the_ninth(self, folder, push_named):
        (folder / "9").mkdir(parents=True)
        assert [push_named(source).name for source in "ab"] == ["10", "11"]

    def test_the_same_model_is_pushed_once(self, folder, push_named):
        first = push_named("a")
        assert push_named("a") == first
        assert names(folder) == ["1", *FILES]

    def test_an_earlier_model_is_pushed_anew(self, push_named):
        # What is served is the highest version: going back is a new one.
        assert [push_named(source).name for source in "aba"] == ["1", "2", "3"]

    def test_nothing_is_pushed_beside_a_damaged_pointer(self, folder, push_named):
        push_named("a", "b")
        shutil.rmtree(folder / "2")
        with pytest.raises(DataError, match=r"names version 2, which is not there; .* --no-baseline"):
            push_named("c")
        assert names(folder) == ["1", *FILES]

    @pytest.mark.parametrize(
        ("contents", "version"), [(b"", 2), (b"\xff", 2), (b'{"version": 9', 2), (b'{"version": 9}', 10)]
    )
    def test_a_damaged_pointer_is_replaced_on_request(self, folder, push_named, contents, version):
        push_named("a")
        (folder / POINTER_FILE).write_bytes(contents)
        assert push_named("b", replace_pointer=True) == folder / str(version)
        assert read_pointer(folder) == Pointer(version, "b", "B", None)

    def test_a_right_pointer_counts_whatever_was_requested(self, folder, push_named):
        push_named("a")
        assert push_named("a", replace_pointer=True).name == "1"

    def test_strangers_in_the_folder_are_left_alone(self, folder, push_named):
        strangers = ["²", "7a", "٣", "007", ".9-half", "backup"]
        for name in strangers:
            (folder / name).mkdir(parents=True)
        assert push_named("a").name == "1"
        prune(folder, 1)
        assert names(folder) == sorted([*strangers, "1", *FILES])

    def test_extra_files_are_there_from_the_start_and_know_the_version(self, folder, push_named, monkeypatch):
        def extra(record):
            assert names(folder)[-1] not in ("1", "2")
            return {"assets.extra/a": b"\0", "card.md": f"version {record.version}, {record.run_id}".encode()}

        push_named("a", extra=extra, run_id="r1")
        assert (folder / "1" / "assets.extra" / "a").read_bytes() == b"\0"
        assert (folder / "1" / "card.md").read_text() == "version 1, r1"


class TestCrash:
    def test_a_version_appears_under_its_number_only_when_it_is_whole(self, folder, push_named, monkeypatch):
        seen = []

        def look_and_flush(path):
            seen.append((path.relative_to(folder), names(folder)))
            flush(path)

        flush = disk.flush
        monkeypatch.setattr(disk, "flush", look_and_flush)
        push_named("a")
        hidden = next(path for path, _ in seen if path.name.startswith(".1-"))
        inside = {str(path.relative_to(hidden)) for path, _ in seen if path.is_relative_to(hidden)}
        assert inside == {".", "saved_model.pb", "variables", "variables/variables.index", RECORD_FILE}
        appeared = next(i for i, (_, there) in enumerate(seen) if "1" in there)
        pointed = next(i for i, (_, there) in enumerate(seen) if POINTER_FILE in there)
        assert all(i < appeared for i, (path, _) in enumerate(seen) if path.is_relative_to(hidden))
        assert appeared < pointed
        assert str(seen[appeared][0]) == "."  # The name itself reaches the disk before the pointer to it.

    def test_a_copy_that_fails_leaves_everything_as_it_was(self, folder, push_named, monkeypatch):
        push_named("a")

        def half_a_copy(source, target, **options):
            target.mkdir()
            (target / "saved_model.pb").touch()
            raise OSError("No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(serving.shutil, "copytree", half_a_copy)
            with pytest.raises(OSError, match="No space left"):
                push_named("b")
        assert names(folder) == ["1", *FILES]
        assert read_pointer(folder).source == "a"
        assert push_named("b").name == "2"

    def test_before_the_pointer_is_written_keeps_the_old_pointer(self, folder, push_named, monkeypatch):
        push_named("a")
        with monkeypatch.context() as patch:
            patch.setattr(serving, "write_pointer", interrupt)
            with pytest.raises(KeyboardInterrupt):
                push_named("b")
        assert read_pointer(folder).source == "a"
        assert push_named("b").name == "2"  # The same model is not put beside itself.
        assert read_pointer(folder).source == "b"

    def test_what_a_killed_push_left_is_swept_up_by_the_next(self, folder, push_named, monkeypatch):
        push_named("a")
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # As if it never came to it.
            patch.setattr(serving, "write_history", interrupt)
            with pytest.raises(KeyboardInterrupt):
                push_named("b")
            prune(folder, 1)
        assert len(names(folder)) == 1 + 1 + len(FILES)
        push_named("c")
        assert names(folder) == ["1", "2", *FILES]

    def test_so_it_is_if_the_next_has_nothing_to_push(self, folder, push_named):
        push_named("a")
        for killed in (f".1-{32 * '0'}", f".history.json-{32 * 'f'}"):
            (folder / killed).mkdir()
        push_named("a")
        assert names(folder) == ["1", *FILES]

    @pytest.mark.parametrize("name", FILES)
    def test_so_are_files_that_were_written_beside_but_no_others(self, folder, push_named, name):
        push_named("a")
        left, stranger = (folder / f".{name}-{mark}" for mark in ("0" * 32, "of mine"))
        for file in (left, stranger):
            file.write_text("{")
        push_named("b")
        assert names(folder) == sorted([stranger.name, "1", "2", *FILES])


class TestNumbers:
    """Never used twice, whatever is removed."""

    @pytest.mark.parametrize(
        "lost",
        [["2"], [POINTER_FILE], ["2", POINTER_FILE], ["1", "2", POINTER_FILE], [HISTORY_FILE], ["2", HISTORY_FILE]],
        ids=str,
    )
    def test_lost(self, folder, push_named, lost):
        push_named("a", "b")
        for name in lost:
            shutil.rmtree(folder / name) if name.isdecimal() else (folder / name).unlink()
        assert push_named("c", replace_pointer=True).name == "3"

    def test_a_number_is_taken_before_anybody_can_see_it(self, folder, push_named, monkeypatch):
        # The version is written, a server loads it, the push is killed, and somebody removes the version.
        push_named("a")
        with monkeypatch.context() as patch:
            patch.setattr(serving, "write_pointer", interrupt)
            with pytest.raises(KeyboardInterrupt):
                push_named("b")
        shutil.rmtree(folder / "2")
        assert push_named("b").name == "3"

    def test_a_clock_that_went_back_is_of_no_matter(self, push_named, monkeypatch):
        class Clock(serving.datetime.datetime):
            @classmethod
            def now(cls, tz=None):
                return cls(1970, 1, 1, tzinfo=tz)

        push_named("a")
        monkeypatch.setattr(serving.datetime, "datetime", Clock)
        assert push_named("b").name == "2"

    def test_versions_are_whole_ones(self, folder, push_named):
        assert versions(folder) == []
        push_named(*"abcdefghijk")
        (folder / "99").mkdir()
        assert versions(folder) == list(range(1, 12))
        assert latest(folder) == folder / "11"

    def test_nothing_to_serve(self, folder):
        with pytest.raises(DataError, match=r"serving: no model was pushed; `multihead run` pushes one"):
            latest(folder)


class TestPrune:
    def test_the_newest_stay(self, folder, push_named):
        push_named(*"abcd")
        prune(folder, 2)
        assert names(folder) == ["3", "4", *FILES]
        assert read_pointer(folder).version == 4
        assert push_named("e").name == "5"

    def test_never_the_one_that_is_pointed_to(self, folder, push_named):
        push_named("a", "b")
        for version in ("8", "9"):
            shutil.copytree(folder / "1", folder / version)
        prune(folder, 2)
        assert versions(folder) == [2, 8, 9]

    def test_fewer_than_may_stay(self, folder, push_named):
        push_named("a")
        prune(folder, 5)
        assert versions(folder) == [1]


def test_a_reader_never_sees_half_a_version(folder, model, push_named):
    """A thread that polls as a server does, over pushes, roll-backs and prunings."""
    for i in range(20):
        (model / "variables" / f"part-{i}").write_text("x")
    extra = {"assets.extra/warmup": b"1", "model_card.json": b"{}"}
    done, torn, seen = threading.Event(), [], set()
    files = {"saved_model.pb", "variables/variables.index", RECORD_FILE, *extra}
    expected = files | {f"variables/part-{i}" for i in range(20)}

    def look():
        for version in [name for name in names(folder) if name.isdecimal()]:
            there = {
                os.path.relpath(os.path.join(path, file), folder / version)
                for path, _, files in os.walk(folder / version)
                for file in files
            }
            seen.add(version)
            # One that was removed meanwhile is gone as a whole.
            if there != expected and (folder / version).exists():
                torn.append((version, sorted(expected - there)))

    def poll():
        while not done.is_set():
            look()
        look()

    folder.mkdir()
    with futures.ThreadPoolExecutor() as executor:
        reader = executor.submit(poll)
        try:
            for source in "abcdefgh":
                push_named(source, extra=lambda _: extra)
                prune(folder, 3)
                if source in "df":
                    roll_back(folder)
        finally:
            done.set()
        reader.result()
    assert torn == []
    assert seen >= {"8", "9", "10"}
    assert versions(folder) == [8, 9, 10]


def test_the_history_says_what_was_pushed_and_by_whom(folder, push_named):
    push_named("a", run_id="r1", baseline="/b/7")
    [pushed] = json.loads((folder / HISTORY_FILE).read_text())["pushes"]
    assert pushed.pop("pushed").endswith("+00:00")
    assert pushed == {
        "version": 1,
        "of": 1,
        "why": "run",
        "run_id": "r1",
        "source": "a",
        "training": "A",
        "baseline": "/b/7",
        "reason": "",
    }
