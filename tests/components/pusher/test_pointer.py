"""The pointer: right, or absent, or an error; never half of one."""

import json
import shutil

import pytest

from components.pusher.pointer import POINTER_FILE, Path, read_pointer
from schema.errors import DataError


def interrupt(*_):
    raise KeyboardInterrupt


def test_no_folder(folder):
    assert read_pointer(folder) is None


def test_lost(folder, push_named):
    push_named("a")
    (folder / POINTER_FILE).unlink()
    assert read_pointer(folder) is None


def test_its_version_is_gone(folder, push_named):
    push_named("a")
    shutil.rmtree(folder / "1")
    with pytest.raises(DataError, match="names version 1, which is not there"):
        read_pointer(folder)


def test_half_written(folder, push_named):
    push_named("a")
    whole = (folder / POINTER_FILE).read_bytes()
    for size in range(len(whole) - 1):
        (folder / POINTER_FILE).write_bytes(whole[:size])
        with pytest.raises(DataError, match="is not what a push writes; put it right, or replace it by"):
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
        b'{"version": 1, "source": "a", "training": "t", "baseline": 7}',
        b'{"version": 1, "source": "a", "training": "t", "baseline": ["/b/7"]}',
        b'{"version": 1, "source": "a", "training": "t", "baseline": false}',
        b'{"version": 1, "source": null, "training": "t", "baseline": null}',
        b'{"version": 1, "source": "a", "training": 7, "baseline": null}',
    ],
)
def test_garbage_is_refused_and_deleting_it_starts_anew(folder, push_named, contents):
    push_named("a")
    (folder / "True").mkdir()
    (folder / POINTER_FILE).write_bytes(contents)
    with pytest.raises(DataError, match='or replace it by `multihead run TASK --no-baseline "REASON"`'):
        read_pointer(folder)
    (folder / POINTER_FILE).unlink()
    assert read_pointer(folder) is None
    assert push_named("b").name == "2"


def test_it_is_replaced_whole(folder, push_named, monkeypatch):
    push_named("a")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            push_named("b")
    assert json.loads((folder / POINTER_FILE).read_text())["source"] == "a"
