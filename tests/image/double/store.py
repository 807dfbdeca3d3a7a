"""An object store: keys and bytes, and no folders."""

import hashlib
import posixpath
from collections.abc import Iterator
from pathlib import Path

SCHEME = "minio://"
BUCKET = "mlpipeline"
# Of a run that does not say where: KFP's defaultPipelineRoot.
DEFAULT_ROOT = f"{SCHEME}{BUCKET}/v2/artifacts"
_MOUNTS = {"gs://": "/gcs/", "minio://": "/minio/", "s3://": "/s3/"}


def local_path(uri: str) -> str | None:
    """Returns where the launcher puts what lies at a URI; None if it knows no such place (LocalPathForURI)."""
    for scheme, mount in _MOUNTS.items():
        if uri.startswith(scheme):
            return mount + uri.removeprefix(scheme)
    return None


class Store:
    """One bucket. Its keys are any text; their bytes are files of the host that no container sees."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._files: dict[str, Path] = {}
        folder.mkdir(parents=True)

    def put(self, key: str, data: bytes) -> None:
        file = self._folder / hashlib.sha256(key.encode()).hexdigest()
        file.write_bytes(data)
        self._files[key] = file

    def under(self, uri: str) -> Iterator[tuple[str, bytes]]:
        """Yields relative path and bytes of what lies at a URI or below (DownloadBlob).

        A key that ends in "/" is an object like any other, whose path is that of a folder.
        """
        prefix = key_of(uri)
        for key, file in sorted(self._files.items()):
            if key == prefix or key.startswith(prefix.rstrip("/") + "/"):
                yield posixpath.relpath(key, prefix), file.read_bytes()

    def keys(self, uri: str) -> list[str]:
        return [relative for relative, _ in self.under(uri)]


def key_of(uri: str) -> str:
    return uri.removeprefix(f"{SCHEME}{BUCKET}/")
