"""A profile: where stages compute, and what they get there. A file beside the task, as machines differ."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, NonNegativeInt, PositiveFloat, PositiveInt, StringConstraints

from schema.part import Part

# Stages whose work is Beam's; batch prediction is one, too.
BEAM_STAGES = ("Drift", "Evaluator", "ExampleGen", "Predict", "StatisticsGen", "Transform")
_OTHER_STAGES = ("Baseline", "Canary", "DataGate", "ExampleValidator", "ImportSchemaGen", "Pusher", "Report", "Trainer")
STAGES = tuple(sorted(BEAM_STAGES + _OTHER_STAGES))

# Kubernetes quantities: a number, and a unit by 1000 or by 1024.
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_UNITS = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
Quantity = Annotated[str, StringConstraints(pattern=rf"^{_QUANTITY.pattern}$")]
_MountPath = Annotated[str, StringConstraints(pattern=r"^/.")]


def amount(quantity: str) -> float:
    """Returns a Kubernetes quantity as a number: cores, or bytes."""
    found = _QUANTITY.fullmatch(quantity)
    if found is None:
        raise ValueError(f"'{quantity}' is no quantity such as 500m, 2, 4G or 16Gi")
    return float(found[1]) * _UNITS.get(found[2], 1)


class Accelerator(Part):
    """Graphics cards, or the like."""

    type: str = "nvidia.com/gpu"
    """Name of the Kubernetes resource."""
    count: PositiveInt = 1
    """How many."""


class Volume(Part):
    """A volume that is there already, mounted."""

    claim: str
    """Name of the PersistentVolumeClaim."""
    path: _MountPath
    """Where the container sees it."""
    sub_path: str = ""
    """Folder inside the volume; all of it if empty."""


class Secret(Part):
    """A Secret, some of whose keys become environment variables: credentials of an object store, say."""

    name: str
    """Of the Secret."""
    env: Annotated[dict[str, str], Field(min_length=1)]
    """Key of the Secret by environment variable."""


class Stage(Part):
    """Where a stage's Beam work is done, and what its container gets on a cluster."""

    beam: dict[str, JsonValue] = {}
    """Options for Beam, by their own names; a flag is true, an option that may be given many times a list."""
    parallelism: PositiveInt | None = None
    """How many pieces of Beam's work are done at a time; as the runner has it if null."""
    patience: PositiveFloat = 10
    """Minutes without progress after which a job on a Flink cluster is taken for dead."""
    cpu: Quantity | None = None
    """Cores at most."""
    memory: Quantity | None = None
    """Bytes at most."""
    cpu_request: Quantity | None = None
    """Cores that are kept free for it."""
    memory_request: Quantity | None = None
    """Bytes that are kept free for it."""
    accelerator: Accelerator | None = None
    """Graphics cards."""
    retries: NonNegativeInt = 0
    """How often it is tried again. A refused model or a stopped gate is tried again, too."""
    backoff: PositiveInt = 30
    """Seconds before the first new try; twice as many before each that follows."""
    env: dict[str, str] = {}
    """Environment variables."""
    secrets: tuple[Secret, ...] = ()
    """Environment variables that are secret."""
    volumes: tuple[Volume, ...] = ()
    """Volumes, such as those of the data and of the served models."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the image is pulled; as the cluster does if null."""
    pull_secrets: tuple[str, ...] = ()
    """Names of Secrets that open the image's registry."""
    node_selector: dict[str, str] = {}
    """Labels of the nodes that it may run on."""

    def place_of(self, path: str) -> str:
        """Returns what a path is on the volumes: CLAIM/FOLDER; an empty string if it is on none."""
        mounted = [volume for volume in self.volumes if _is_in(path, volume.path)]
        if not mounted:
            return ""
        volume = max(mounted, key=lambda found: len(found.path))
        inside = path.rstrip("/").removeprefix(volume.path.rstrip("/"))
        return "/".join(part for part in (volume.claim, volume.sub_path.strip("/"), inside.strip("/")) if part)


class Profile(Part):
    """A profile file."""

    all: Stage = Stage()
    """What every stage gets."""
    stages: dict[str, Stage] = {}
    """What a stage gets instead, by its name; `beam` and `env` are added to those of all."""
    flink: dict[str, str | int | float | bool] = {}
    """Settings of Flink itself, where one is started on this machine."""

    def of(self, stage: str) -> Stage:
        """Returns what a stage gets."""
        own = self.stages.get(stage, Stage())
        given: dict[str, Any] = {name: getattr(own, name) for name in own.model_fields_set}
        added = {"beam": {**self.all.beam, **own.beam}, "env": {**self.all.env, **own.env}}
        return self.all.model_copy(update={**given, **added})


def _is_in(path: str, folder: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")
