"""Where artifacts lie: KFP's launcher downloads them to this machine and uploads them from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from schema.errors import StepError

# As in `LocalPathForURI` of KFP's backend/src/v2/component/launcher_v2.go.
_MOUNTS = {"gs://": "/gcs/", "minio://": "/minio/", "s3://": "/s3/"}


def local_path(key: str, artifact: Mapping[str, Any]) -> str:
    """Returns where the launcher put an input, or takes an output from.

    Args:
        key: Of the artifact, for the error.
        artifact: As the launcher hands it over.

    Raises:
        StepError: It lies where no launcher puts anything.
    """
    uri = artifact.get("uri", "")
    if artifact.get("customPath"):
        return str(artifact["customPath"])
    if uri.startswith("/"):
        return uri
    for scheme, mount in _MOUNTS.items():
        if uri.startswith(scheme):
            return mount + uri.removeprefix(scheme)
    raise StepError(
        f"{key}: {uri or 'no URI'}: KFP downloads artifacts from {', '.join(_MOUNTS)} only;"
        " give the run a pipeline root in one of them"
    )


class Places:
    """Turns local paths of a step's artifacts back into the URIs they stand for.

    Args:
        artifacts: Key and artifact of every input and output, as the launcher hands them over.
    """

    def __init__(self, artifacts: Iterable[tuple[str, Mapping[str, Any]]]):
        self._uris = {local_path(key, artifact): artifact["uri"] for key, artifact in artifacts}

    def uri(self, path: str) -> str:
        """Returns the URI of an artifact's folder or of what is in it; any other text as it is."""
        for folder, uri in self._uris.items():
            if path == folder or path.startswith(f"{folder}/"):
                return uri + path.removeprefix(folder)
        return path
