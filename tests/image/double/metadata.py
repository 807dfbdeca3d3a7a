"""ML Metadata, as far as KFP uses it: artifacts with their numbers, and what was run before."""

import dataclasses
import itertools
from typing import Any

import yaml

from double.errors import LauncherFailed

Json = dict[str, Any]

_SESSION = '{"Provider":"minio","Params":{"bucketName":"mlpipeline","endpoint":"minio-service.kubeflow:9000"}}'


@dataclasses.dataclass(frozen=True)
class Artifact:
    """As ML Metadata keeps it: all metadata are custom properties."""

    id: int
    type: str
    uri: str
    properties: Json

    def handed(self) -> Json:
        """Returns it as an input (ToRuntimeArtifact); the schema is lost, as ML Metadata has no place for it."""
        return {
            "name": str(self.id),
            "type": {"instanceSchema": ""},
            "uri": self.uri,
            "metadata": dict(self.properties),
        }


class Metadata:
    """All that is remembered from run to run."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._cache: dict[tuple[str, str], dict[str, Artifact]] = {}

    def record(self, key: str, artifact: Json) -> Artifact:
        """Keeps an output (RecordArtifact).

        Raises:
            LauncherFailed: Its metadata or its type are none that ML Metadata takes.
        """
        properties = {name: _property(key, name, value) for name, value in artifact.get("metadata", {}).items()}
        properties.setdefault("display_name", key)
        properties.setdefault("store_session_info", _SESSION)
        return Artifact(next(self._ids), _title(key, artifact.get("type", {})), artifact["uri"], properties)

    def cached(self, pipeline: str, fingerprint: str) -> dict[str, Artifact] | None:
        """Returns the outputs of the newest step of the same fingerprint."""
        return self._cache.get((pipeline, fingerprint))

    def remember(self, pipeline: str, fingerprint: str, outputs: dict[str, Artifact]) -> None:
        self._cache[pipeline, fingerprint] = outputs


def _property(key: str, name: str, value: Any) -> Any:
    """Returns a value as it comes back from ML Metadata (StructValueToMLMDValue and toRuntimeArtifact)."""
    match value:
        case bool():
            return int(value)
        case str():
            return value
        case int() | float():
            return float(value)
        case list():
            return {"list": value}
        case dict():
            return {"struct": value}
    raise LauncherFailed(
        f"unable to produce MLMD artifact for output {key!r}: {name}: unknown/unsupported value type {value!r}"
    )


def _title(key: str, type_: Json) -> str:
    if "schemaTitle" in type_:
        return str(type_["schemaTitle"])
    title = (yaml.safe_load(type_.get("instanceSchema", "")) or {}).get("title")
    if not title:
        raise LauncherFailed(f"failed to determine schema for output {key!r}: no title specified")
    return str(title)
