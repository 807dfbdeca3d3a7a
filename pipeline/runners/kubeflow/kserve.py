"""A KServe InferenceService for what the pipeline pushes: TensorFlow Serving on the serving folder.

Fields as in serving.kserve.io/v1beta1, https://kserve.github.io/website/docs/reference/crd-api.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

import yaml

from pipeline.profiles.profile import Profile
from pipeline.runners.kubeflow.names import pipeline_name
from schema.errors import UserError

# Where KServe gets models from. Its own scheme for volumes is pvc://CLAIM/PATH.
_STORES = ("s3://", "gs://", "https://", "abfs://")


def manifest(task: str, serving: str, profile: Profile) -> str:
    """Returns the manifest.

    The folder is what TensorFlow Serving expects: a folder per version, of which it serves the highest. It is copied
    when a pod starts, except from a volume: a later push is served after a restart, from a volume at once.

    Args:
        task: Name of the task.
        serving: The serving folder that the Pusher writes to.
        profile: Says which claim a path is on.

    Raises:
        UserError: Nobody outside the run's containers can see the serving folder.
    """
    service: dict[str, Any] = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": pipeline_name(task), "labels": {"app.kubernetes.io/managed-by": "multihead"}},
        "spec": {
            "predictor": {
                "model": {
                    "modelFormat": {"name": "tensorflow"},
                    "protocolVersion": "v1",
                    # KServe's own default is years older than the models.
                    "runtimeVersion": importlib.metadata.version("tensorflow-serving-api"),
                    "storageUri": _storage(serving, profile),
                }
            }
        },
    }
    return yaml.safe_dump(service, sort_keys=True)


def _storage(serving: str, profile: Profile) -> str:
    """Returns the serving folder as KServe finds it."""
    if serving.startswith(_STORES):
        return serving.rstrip("/")
    place = profile.of("Pusher").place_of(serving)
    if not place:
        raise UserError(
            f"--kserve: '{serving}' is not where KServe finds models: give --serving a URI ({', '.join(_STORES)}), or a"
            " path on a volume that --profile mounts"
        )
    return f"pvc://{place}"
