"""Places in stores: asked as paths are, and by one listing; fsspec's own store in memory."""

import pickle
import sys
import uuid
from pathlib import Path

import pytest
from fsspec.core import url_to_fs
from fsspec.registry import _registry

from components.example_gen import places
from components.example_gen.places import Remote, fetch, look, place
from components.example_gen.source import find_files
from schema.errors import DataError, UserError


@pytest.fixture
def folder():
    """A folder in a store with files in it."""
    where = place(f"memory://bucket-{uuid.uuid4().hex}/rows")
    for name in ("a.parquet", "b+c d.csv", "day/c.parquet", "day/deep/d.parquet", "day-2/e.parquet"):
        write(where / name, name)
    write(where.parent / "rows2" / "f.parquet", "")
    return where


@pytest.fixture
def listings(monkeypatch):
    """What was asked of the store."""
    asked = []
    connect = places._connect
    monkeypatch.setattr(places, "_connect", lambda uri: asked.append(uri) or connect(uri))
    return asked


def write(file, text):
    store, path = url_to_fs(str(file))
    store.pipe_file(path, text.encode())


@pytest.mark.parametrize("text", ["data/rows", "/data", "a:b", "s3:/bucket", "."])
def test_what_is_no_uri_is_a_path(text):
    assert place(text) == Path(text)


@pytest.mark.parametrize("text", ["s3://bucket", "s3://bucket/a/b", "gs://bucket/a b", "memory://x/y"])
def test_a_uri_stays_as_it_is(text):
    assert str(place(text)) == str(place(f"{text}/")) == str(place(text).resolve()) == text
    assert pickle.loads(pickle.dumps(place(text))) == place(text)  # noqa: S301


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("s3://", "names no bucket"),
        ("minio://mlpipeline/rows", "give s3://mlpipeline/rows, and MinIO's address in FSSPEC_S3_ENDPOINT_URL"),
        ("s3://key:secret@bucket/rows", "a URI with a password in it"),
    ],
)
def test_what_nothing_is_read_from(uri, error):
    with pytest.raises(UserError, match=error) as refused:
        place(uri)
    assert "secret@" not in str(refused.value)


def test_azure_names_accounts_so():
    assert place("abfs://container@account.dfs.core.windows.net/rows").name == "rows"


def test_parts(folder):
    assert (folder.name, folder.parent.name) == ("rows", folder.parts[2])
    assert folder.parent.parent == folder.parent
    assert folder / "../x/./y" == folder.parent / "x" / "y"
    assert sorted([folder / "a-b", folder / "a" / "c"], key=lambda one: one.parts)[0] == folder / "a" / "c"


def test_files_and_folders(folder):
    assert [folder.is_dir(), folder.is_file(), folder.exists()] == [True, False, True]
    file = folder / "a.parquet"
    assert [file.is_dir(), file.is_file(), file.exists()] == [False, True, True]
    nothing = folder / "da"
    assert [nothing.is_dir(), nothing.is_file(), nothing.exists()] == [False, False, False]
    assert [one.name for one in folder.iterdir()] == ["a.parquet", "b+c d.csv", "day-2", "day"]
    assert {str(one).removeprefix(f"{folder}/") for one in folder.rglob("*.parquet")} == {
        "a.parquet",
        "day/c.parquet",
        "day/deep/d.parquet",
        "day-2/e.parquet",
    }


def test_one_look_is_one_listing(folder, listings):
    seen = look(folder)
    assert seen.is_dir()
    for file in seen.rglob("*.parquet"):
        assert file.is_file()
        assert file.state()
    assert all((entry / "c.parquet").exists() == (entry.name == "day") for entry in seen.iterdir())
    assert listings == [str(folder)]
    write(folder / "new.parquet", "")
    assert not (seen / "new.parquet").exists()
    assert (folder / "new.parquet").exists()


def test_the_state_changes_with_the_file(folder):
    file = folder / "a.parquet"
    before = file.state()
    assert file.state() == before
    write(file, "A.parquet")
    assert file.state() != before


def test_contents(folder):
    file = folder / "b+c d.csv"
    assert file.read_bytes() == b"b+c d.csv"
    with file.open() as exact:
        assert exact.seek(2) == 2
        assert exact.read(3) == b"c d"
    with file.open(block=4) as ahead:
        assert ahead.readline() == b"b+c d.csv"
    for name in ("none", "\udcff"):
        with pytest.raises(FileNotFoundError):
            (folder / name).read_bytes()


def test_a_file_that_is_gone_is_one_sentence(folder):
    with pytest.raises(DataError, match=r"none: the store refused, or did not answer \(FileNotFoundError"):
        (folder / "none").open()


def test_contents_of_many(folder):
    wanted = [folder / "a.parquet", folder / "none", Path("here"), folder / "day" / "c.parquet"]
    assert fetch(wanted) == {wanted[0]: b"a.parquet", wanted[3]: b"day/c.parquet"}
    assert fetch([]) == {}


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(DataError, match=r"s3://bucket/rows: .*s3fs.*multihead\[kubeflow\]"):
        Remote("s3://bucket/rows").exists()


def test_a_key_with_an_empty_part_is_found(folder):
    write(f"{folder}//f.parquet", "f")
    assert any(str(file).endswith("f.parquet") for file in find_files(folder, "parquet"))
