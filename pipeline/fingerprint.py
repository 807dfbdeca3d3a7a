"""What each stage depends on, so that the cache redoes what a change touches, and nothing else.

TFX's cache key does not see code behind dotted paths, and sees the whole of what a stage is given: so every stage gets
a digest of the code it runs, and the task with what it does not read put back to defaults.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from functools import cache
from pathlib import Path

from schema.features import CategoricalFeature, NumericFeature
from schema.heads import CrossEntropy, MulticlassHead
from schema.task import Data, TaskSpec
from schema.training import Training
from schema.trunks import SharedTrunk

_ROOT = Path(__file__).parent.parent
# Sources by stage, relative to the project; how task.yaml is read and its errors are worded changes no result.
_CONTRACT = ("schema/task.py", "schema/contract.py", "schema/names.py")
_SOURCES = {
    "ExampleGen": ("components/example_gen",),
    "Transform": ("components/transform",),
    "Trainer": ("components/trainer", "components/transform/features"),
    "Evaluator": (
        "components/evaluator/config.py",
        "components/evaluator/executor.py",
        "components/evaluator/joint.py",
        "components/evaluator/metrics.py",
    ),
    "Report": ("components/evaluator", "components/statistics.py"),
}
_LIBRARIES = (
    "apache-beam",
    "keras",
    "pandas",
    "pyarrow",
    "tensorflow",
    "tensorflow-data-validation",
    "tensorflow-model-analysis",
    "tensorflow-transform",
    "tfx",
)


def digest(*parts: str) -> str:
    """Returns 16 hexadecimal digits that change with any part."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@cache
def code(stage: str) -> str:
    """Returns a digest of the sources and libraries that a stage runs."""
    files = [file for path in (*_CONTRACT, *_SOURCES[stage]) for file in _python_files(_ROOT / path)]
    sources = [f"{file.relative_to(_ROOT)}\n{file.read_text(encoding='utf-8')}" for file in files]
    return digest(*sources, *(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES))


def _python_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _without_gates(task: TaskSpec) -> TaskSpec:
    return task.model_copy(update={"gates": dict.fromkeys(task.heads, ()), "slices": ()})


def for_transform(task: TaskSpec) -> TaskSpec:
    """Returns the task with the features, heads and class weights that Transform reads."""
    features = {
        name: feature.model_copy(update={"embedding": CategoricalFeature(type="categorical").embedding})
        if isinstance(feature, CategoricalFeature)
        else feature
        for name, feature in task.features.items()
    }
    heads = {
        name: MulticlassHead(type=head.type, loss=CrossEntropy(class_weights=head.loss.class_weights))
        for name, head in task.heads.items()
    }
    update = {
        "features": features,
        "heads": heads,
        "trunk": SharedTrunk(),
        "training": Training(),
        "data": Data(),
    }
    return _without_gates(task).model_copy(update=update)


def for_trainer(task: TaskSpec) -> TaskSpec:
    """Returns the task without what comes before and after training."""
    features = {
        name: feature.model_copy(update={"scaling": NumericFeature(type="numeric").scaling})
        if isinstance(feature, NumericFeature)
        else feature
        for name, feature in task.features.items()
    }
    return _without_gates(task).model_copy(update={"features": features, "data": Data()})


def for_report(task: TaskSpec) -> TaskSpec:
    """Returns the task's heads and gates."""
    heads = {name: MulticlassHead(type=head.type) for name, head in task.heads.items()}
    update = {"heads": heads, "trunk": SharedTrunk(), "training": Training(), "slices": (), "data": Data()}
    return task.model_copy(update=update)
