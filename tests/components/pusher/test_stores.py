"""An object store as serving folder: fsspec's own store in memory, with the order of what is written to it."""

import sys
import uuid

import pytest
from fsspec.registry import _registry

from components.pusher import serving, stores
from components.pusher.folder import latest, versions
from components.pusher.history import HISTORY_FILE, read_history
from components.pusher.pointer import POINTER_FILE, read_pointer
from schema.errors import DataError


@pytest.fixture
def uri():
    return f"memory://bucket-{uuid.uuid4().hex}/serving"


@pytest.fixture
def files(uri):
    """Returns names and contents of all that is in the store."""
    from fsspec.core import url_to_fs

    fs, root = url_to_fs(uri)
    return lambda: {name.removeprefix(f"{root}/"): fs.cat_file(name).decode() for name in fs.find(root)}


@pytest.fixture
def push(model, uri):
    """Pushes models by name and keeps `keep` of them."""

    def run(*sources, keep=5, training="t", baseline=None, commit=True):
        for source in sources:
            (model / "variables" / "variables.index").write_text(f"weights of {source}")
            with stores.opened(uri) as store:
                pushed = serving.push(model, store.folder, source=source, training=training, baseline=baseline)
                serving.prune(store.folder, keep)
                if commit:
                    store.commit()
        return store.name(int(pushed.name))

    return run


@pytest.fixture
def order(monkeypatch, uri):
    """Names in the order in which they are written and removed; raises at the one that is called `stop`."""
    from fsspec.core import url_to_fs

    fs, root = url_to_fs(uri)

    class Order(list):
        stop = None

    seen = Order()
    put, remove = type(fs).put_file, type(fs).rm_file

    def spy_put(self, local, remote, *args, **kwargs):
        name = remote.removeprefix(f"{root}/")
        if name == seen.stop:
            raise ConnectionError("no answer")
        seen.append(name)
        return put(self, local, remote, *args, **kwargs)

    def spy_remove(self, remote):
        seen.append(f"-{remote.removeprefix(f'{root}/')}")
        return remove(self, remote)

    monkeypatch.setattr(type(fs), "put_file", spy_put)
    monkeypatch.setattr(type(fs), "rm_file", spy_remove)
    return seen


def test_versions_grow_and_the_pointer_follows(push, uri, files):
    assert push("a", "b") == f"{uri}/2"
    assert files()["1/variables/variables.index"] == "weights of a"
    assert files()["2/variables/variables.index"] == "weights of b"
    assert files()["2/saved_model.pb"] == "graph"
    with stores.opened(uri) as store:
        assert read_pointer(store.folder).version == 2
        assert [record.source for record in read_history(store.folder).records] == ["a", "b"]


def test_a_model_is_there_before_what_points_to_it(push, order):
    push("a")
    assert order[-3:] == ["1/saved_model.pb", HISTORY_FILE, POINTER_FILE]
    assert "1/variables/variables.index" in order[:-3]


@pytest.mark.parametrize("stop", ["2/saved_model.pb", HISTORY_FILE, POINTER_FILE])
def test_a_push_that_stops_midway_leaves_the_old_model_and_is_made_good(push, uri, order, files, stop):
    push("a")
    order.stop = stop
    with pytest.raises(DataError, match=r"memory://\S+: the store refused, or did not answer \(ConnectionError"):
        push("b")
    with stores.opened(uri) as store:
        assert read_pointer(store.folder).version == 1
        assert latest(store.folder).name == ("1" if stop.startswith("2/") else "2")

    order.stop = None
    pushed = push("b")
    assert files()[f"{pushed.rpartition('/')[2]}/variables/variables.index"] == "weights of b"
    with stores.opened(uri) as store:
        assert store.name(read_pointer(store.folder).version) == pushed
        # Half a version is gone; one that was whole is not pushed twice.
        assert versions(store.folder) == ([1, 3] if stop.startswith("2/") else [1, 2])
        assert not [name for name in files() if name.startswith("2/")] or not stop.startswith("2/")


def test_old_versions_go_last_and_stop_being_versions_first(push, order, files):
    push("a", "b")
    order.clear()
    push("c", keep=2)
    assert order.index(POINTER_FILE) < order.index("-1/saved_model.pb")
    assert order.index("-1/saved_model.pb") < order.index("-1/variables/variables.index")
    assert {name.partition("/")[0] for name in files()} == {"2", "3", HISTORY_FILE, POINTER_FILE}


def test_numbers_are_never_used_twice(push, files, uri):
    push("a", "b", keep=1)
    assert push("c", keep=1) == f"{uri}/3"


def test_the_same_model_is_pushed_once(push, order):
    first = push("a")
    order.clear()
    assert push("a") == first
    assert not [name for name in order if name.startswith("2/")]


def test_nothing_is_written_without_commit(push, files):
    push("a", commit=False)
    assert files() == {}


def test_a_version_is_fetched_whole(push, uri, tmp_path):
    push("a")
    with stores.opened(uri) as store:
        store.fetch(store.version_of(f"{uri}/1"), tmp_path / "fetched")
    assert (tmp_path / "fetched/saved_model.pb").read_text() == "graph"
    assert (tmp_path / "fetched/variables/variables.index").read_text() == "weights of a"


def test_names_are_told_apart(push, uri, folder):
    push("a")
    for store_of in (uri, f"{uri}/"):
        with stores.opened(store_of) as store:
            assert store.version_of(f"{uri}/1") == 1
            assert store.version_of(f"{uri}/2") is None
            assert store.version_of("/elsewhere/1") is None


def test_a_folder_on_a_volume_is_used_in_place(model, folder, tmp_path):
    with stores.opened(str(folder)) as store:
        serving.push(model, store.folder, source="a", training="t", baseline=None)
        store.commit()
        assert store.version_of(str(folder / "1")) == 1
        store.fetch(1, tmp_path / "fetched")
    assert (folder / "1" / "saved_model.pb").is_file()
    assert (tmp_path / "fetched" / "saved_model.pb").is_file()


def test_s3(model, bucket, tmp_path):
    for source in ("a", "b"):
        with stores.opened(f"{bucket}/serving") as store:
            pushed = serving.push(model, store.folder, source=source, training="t", baseline=None)
            serving.prune(store.folder, 1)
            store.commit()
    with stores.opened(f"{bucket}/serving") as store:
        assert (versions(store.folder), store.name(int(pushed.name))) == ([2], f"{bucket}/serving/2")
        assert read_pointer(store.folder).version == 2
        store.fetch(2, tmp_path / "fetched")
    assert (tmp_path / "fetched/saved_model.pb").read_text() == "graph"


def test_an_empty_store_is_a_cold_start(uri):
    with stores.opened(uri) as store:
        assert read_pointer(store.folder) is None
        assert versions(store.folder) == []


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with (
        pytest.raises(DataError, match=r"s3://bucket/serving: .*s3fs.*multihead\[kubeflow\]"),
        stores.opened("s3://bucket/serving"),
    ):
        pass


def test_an_unknown_store_is_one_sentence():
    with pytest.raises(DataError, match="nowhere://bucket: the store refused"), stores.opened("nowhere://bucket"):
        pass
