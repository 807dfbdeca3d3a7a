"""Docker, by its command: a container that shares nothing with the machine but the volumes it is given."""

import contextlib
import io
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from double.errors import Refused

_SECONDS = 900


def user_of(image: str) -> tuple[int, int]:
    """Returns user and group of an image.

    Raises:
        Refused: The image is not there, or Kubernetes could not tell that its user is not root.
    """
    made = _docker("image", "inspect", "--format", "{{.Config.User}}", image)
    user, _, group = made.stdout.decode().strip().partition(":")
    if made.returncode or not user.isdigit() or user == "0":
        raise Refused(f"{image}: {made.stderr.decode().strip() or f'runs as {user!r}, which may be root'}")
    return int(user), int(group or 0)


class Container:
    """A container that was made and not started yet."""

    def __init__(self, id_: str):
        self._id = id_

    def write(self, files: "Files") -> None:
        """Puts files and folders into it."""
        _checked("cp", "-", f"{self._id}:/", stdin=files.tar())

    def run(self) -> tuple[int, str]:
        """Runs its command; returns the exit code and all that was printed."""
        done = subprocess.run(
            ["docker", "start", "--attach", self._id],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def read(self, path: str) -> dict[str, bytes] | None:
        """Returns the files at a path or below, by relative path, `.` for the path itself; None if it is not there.

        Empty folders are nothing: only files travel.
        """
        copied = _docker("cp", f"{self._id}:{path}", "-")
        if copied.returncode:
            return None
        files = {}
        with tarfile.open(fileobj=io.BytesIO(copied.stdout)) as tar:
            for member in tar:
                _, _, relative = member.name.rstrip("/").partition("/")
                if member.isfile():
                    files[relative or "."] = tar.extractfile(member).read()
                elif not member.isdir():
                    raise NotImplementedError(f"{path}: {member.name} is neither file nor folder")
        return files


@contextlib.contextmanager
def created(image: str, command: Sequence[str], env: Mapping[str, str], volumes: Sequence[str]) -> Iterator[Container]:
    """Makes a container as KFP does, and removes it in the end.

    The first word of the command is executed itself, whatever the image's entry point; the user is the image's, and has
    no capability and no way to gain one. Nothing here needs a network.
    """
    options = ["--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none", f"--entrypoint={command[0]}"]
    options += [f"--env={name}={value}" for name, value in env.items()]
    options += [f"--volume={volume}" for volume in volumes]
    made = _checked("create", "--pull=never", *options, image, *command[1:])
    container = made.stdout.decode().strip()
    try:
        yield Container(container)
    finally:
        _docker("rm", "--force", "--volumes", container)


class Files:
    """Files and folders for a container, with the rules of a file system: no path is both.

    Args:
        user: Of the image, with its group; all is theirs.
    """

    def __init__(self, user: tuple[int, int]):
        self._user = user
        self._folders: dict[str, int] = {}
        self._files: dict[str, bytes] = {}

    def folder(self, path: Path, mode: int = 0o755) -> None:
        """Makes a folder and those above it.

        Raises:
            NotADirectoryError: One of them is a file.
        """
        for each in (*reversed(path.parents), path):
            if str(each) in self._files:
                raise NotADirectoryError(f"mkdir {path}: {each} is a file")
            self._folders.setdefault(str(each), mode)

    def file(self, path: Path, data: bytes) -> None:
        """Writes a file.

        Raises:
            IsADirectoryError: It is a folder already.
            NotADirectoryError: A folder above it is a file.
        """
        self.folder(path.parent)
        if str(path) in self._folders:
            raise IsADirectoryError(f"open {path}: is a folder")
        self._files[str(path)] = data

    def tar(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path, mode in self._folders.items():
                if path != "/":
                    self._add(tar, path, tarfile.DIRTYPE, mode, b"")
            for path, data in self._files.items():
                self._add(tar, path, tarfile.REGTYPE, 0o644, data)
        return buffer.getvalue()

    def _add(self, tar: tarfile.TarFile, path: str, kind: bytes, mode: int, data: bytes) -> None:
        member = tarfile.TarInfo(path.lstrip("/"))
        member.type, member.mode, member.size = kind, mode, len(data)
        member.uid, member.gid = self._user
        tar.addfile(member, io.BytesIO(data))


def _docker(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["docker", *arguments], input=stdin, capture_output=True, check=False)


def _checked(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    done = _docker(*arguments, stdin=stdin)
    if done.returncode:
        raise Refused(f"docker {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done
