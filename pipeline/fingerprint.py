"""What each stage depends on, so that the cache redoes what a change touches, and nothing else.

TFX's cache key does not see code behind dotted paths, and sees the whole of what a stage is given: so every stage gets
a digest of the code it runs, and the task with what it does not read put back to defaults.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from functools import cache
from pathlib import Path

from schema.applications import BUILT_IN_WEIGHTS
from schema.data import Data
from schema.features import (
    ApplicationEncoder,
    CategoricalFeature,
    CnnEncoder,
    Feature,
    ImageFeature,
    LstmEncoder,
    NumericFeature,
    PiecewiseLinearEncoder,
    PlainEncoder,
    TextFeature,
)
from schema.heads import CrossEntropy, Head, MulticlassHead, MultilabelHead
from schema.push import Push
from schema.task import TaskSpec
from schema.training import Training
from schema.trunks import SharedTrunk

_ROOT = Path(__file__).parent.parent
# Sources by stage, relative to the project; how task.yaml is read and its errors are worded changes no result.
_CONTRACT = (
    "schema/applications.py",
    "schema/columns.py",
    "schema/contract.py",
    "schema/data.py",
    "schema/features.py",
    "schema/gates.py",
    "schema/heads.py",
    "schema/names.py",
    "schema/part.py",
    "schema/task.py",
    "schema/training.py",
    "schema/trunks.py",
)
# How stages that compute something once per span find its rows, and read and keep them.
_PER_SPAN = (
    "components/drafts.py",
    "components/example_gen/per_span.py",
    "components/example_gen/records.py",
    "components/example_gen/store.py",
)
_SOURCES = {
    "ExampleGen": (
        "components/drafts.py",
        "components/example_gen",
        "components/images.py",
        "components/object_store.py",
    ),
    "StatisticsGen": (*_PER_SPAN, "components/statistics_gen"),
    "Drift": (*_PER_SPAN, "components/data_gate/drift", "schema/drift.py"),
    "Transform": (*_PER_SPAN, "components/transform"),
    "Trainer": (
        "components/trainer",
        "components/transform/features",
        "components/exported.py",
        "components/images.py",
    ),
    "Canary": (
        "components/canary",
        "components/exported.py",
        "components/images.py",
        "components/raw_examples.py",
        "components/servable.py",
    ),
    "Evaluator": (
        "components/baseline",
        "components/evaluator/asked.py",
        "components/evaluator/association.py",
        "components/evaluator/baseline.py",
        "components/evaluator/batches.py",
        "components/evaluator/comparison.py",
        "components/evaluator/config.py",
        "components/evaluator/counts.py",
        "components/evaluator/evaluation.py",
        "components/evaluator/executor.py",
        "components/evaluator/exported.py",
        "components/evaluator/joint.py",
        "components/evaluator/metrics.py",
        "components/evaluator/packed.py",
        "components/evaluator/slicing.py",
        "components/evaluator/sparse.py",
        "components/evaluator/tally.py",
    ),
    "Report": ("components/evaluator", "components/statistics.py"),
}
_DRIFT = TaskSpec.model_fields["drift"].default
_LIBRARIES = (
    "apache-beam",
    "keras",
    "numpy",
    "pandas",
    "pyarrow",
    "tensorflow",
    "tensorflow-data-validation",
    "tensorflow-model-analysis",
    "tensorflow-transform",
    "tfx",
    "tfx-bsl",
)


def digest(*parts: str) -> str:
    """Returns 16 hexadecimal digits that change with any part."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@cache
def code(stage: str) -> str:
    """Returns a digest of the sources and libraries that a stage runs."""
    libraries = (f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)
    return digest(*_sources_in(*_CONTRACT, *_SOURCES[stage]), *libraries)


@cache
def sources() -> str:
    """Returns a digest of all sources: the same in a checkout and in an image that was built from it.

    Libraries are no part of it: a checkout may be of another lane than the image.
    """
    return digest(*_sources_in("schema", "components", "pipeline"))


def codes() -> dict[str, str]:
    """Returns the digests of all stages that have one, for whoever reads where a model came from."""
    return {stage: code(stage) for stage in _SOURCES}


def _sources_in(*paths: str) -> list[str]:
    files = [file for path in paths for file in _python_files(_ROOT / path)]
    return [f"{file.relative_to(_ROOT)}\n{file.read_text(encoding='utf-8')}" for file in files]


def _python_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _without_gates(task: TaskSpec) -> TaskSpec:
    unread = {"gates": dict.fromkeys(task.heads, ()), "slices": (), "push": Push(), "drift": _DRIFT}
    return task.model_copy(update=unread)


def weights(task: TaskSpec) -> str:
    """Returns a digest of the contents of the weights files that a task names."""
    files = [
        Path(feature.encoder.weights)
        for feature in task.features.values()
        if isinstance(feature, ImageFeature)
        and isinstance(feature.encoder, ApplicationEncoder)
        and feature.encoder.weights not in BUILT_IN_WEIGHTS
    ]
    return digest(*(hashlib.sha256(file.read_bytes()).hexdigest() for file in files))


def for_transform(task: TaskSpec) -> TaskSpec:
    """Returns the task with the features, heads and class weights that Transform reads."""
    update = {
        "features": {name: _transformed(feature) for name, feature in task.features.items()},
        "heads": {name: _labelled(head) for name, head in task.heads.items()},
        "trunk": SharedTrunk(),
        "training": Training(),
        "data": Data(),
    }
    return _without_gates(task).model_copy(update=update)


def _transformed(feature: Feature) -> Feature:
    """Returns a feature without what the model does with the transformed column."""
    if isinstance(feature, NumericFeature):
        encoder = feature.encoder
        is_binned = isinstance(encoder, PiecewiseLinearEncoder)
        kept = encoder.model_copy(update={"units": None}) if is_binned else PlainEncoder()
        return feature.model_copy(update={"encoder": kept})
    if isinstance(feature, CategoricalFeature):
        return feature.model_copy(update={"embedding": CategoricalFeature(type="categorical").embedding})
    if isinstance(feature, TextFeature):
        return feature.model_copy(update={"encoder": LstmEncoder()})
    return ImageFeature(type="image", shape=(32, 32, 3), encoder=CnnEncoder())


def _labelled(head: Head) -> Head:
    """Returns a head without what the model does with the transformed label."""
    loss = CrossEntropy(class_weights=head.loss.class_weights)
    if isinstance(head, MultilabelHead):
        return MultilabelHead(type="multilabel", loss=loss)
    return MulticlassHead(type="multiclass", loss=loss)


def for_trainer(task: TaskSpec) -> TaskSpec:
    """Returns the task without what comes before and after training."""
    update = {
        "features": {name: _trained(feature) for name, feature in task.features.items()},
        "heads": {name: _without_separator(head) for name, head in task.heads.items()},
        "data": Data(),
    }
    return _without_gates(task).model_copy(update=update)


def _trained(feature: Feature) -> Feature:
    """Returns a feature without what is done before training."""
    if isinstance(feature, NumericFeature):
        return feature.model_copy(update={"scaling": NumericFeature(type="numeric").scaling})
    return feature.model_copy(update={"source": "bytes"}) if isinstance(feature, ImageFeature) else feature


def _without_separator(head: Head) -> Head:
    if isinstance(head, MultilabelHead):
        return head.model_copy(update={"separator": MultilabelHead(type="multilabel").separator})
    return head


def for_report(task: TaskSpec) -> TaskSpec:
    """Returns the task's gates; what its heads are, the model says."""
    heads = {name: MulticlassHead(type="multiclass") for name in task.heads}
    unread = {"trunk": SharedTrunk(), "training": Training(), "slices": (), "data": Data(), "push": Push()}
    unread |= {"drift": _DRIFT}
    return task.model_copy(update={"heads": heads, **unread})
