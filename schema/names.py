"""The only place that derives names from features and heads.

Raw and transformed columns never share a name: slices are cut on raw values (`carrier=AA`), models read transformed
ones. A derived name that meets a raw column is an error of the task (see `schema.contract`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

SERVING_DEFAULT = "serving_default"
SERVING_TF_EXAMPLE = "serving_tf_example"
TRANSFORM_FEATURES = "transform_features"
EVALUATION = "evaluation"
# The input of the signatures that take serialized tf.Examples.
EXAMPLES = "examples"
TRAIN, EVAL, TEST = SPLITS = ("train", "eval", "test")
SERVING_ENVIRONMENT = "SERVING"
# What a labelled row without any tag holds: a tf.Example cannot tell an empty list from an absent column.
NO_TAG = ""
# What stands for a missing number in a tensor of int64, which has no NaN: the least of them. A missing text or image is
# empty, and a missing float32 is NaN.
MISSING_INT = -(2**63)


def transformed(feature: str) -> str:
    """Transformed value of a feature.

    A number, float32 `(batch,)`; ids, int64 `(batch,)` or of tokens `(batch, tokens)`; or an encoded image, string
    `(batch,)`, which the model sees decoded, uint8 `(batch, height, width, channels)`.
    """
    return f"{feature}_xf"


def missing(feature: str) -> str:
    """Missing indicator of a numeric feature: float32 `(batch,)`, 1.0 where the row has no value."""
    return f"{feature}_missing"


def position(feature: str) -> str:
    """Where a number lies between the edges of its bins: float32 `(batch,)`, 2.5 is half-way through the third."""
    return f"{feature}_position"


def vocabulary(feature: str) -> str:
    """File of a feature's vocabulary inside the Transform graph."""
    return f"{feature}_vocabulary"


def label(head: str) -> str:
    """Label of a head, 0 where the row has none.

    Class index, int64 `(batch,)`; or 1 for every tag that applies, int64 `(batch, num_tags)`.
    """
    return f"{head}_label"


def labelled(head: str) -> str:
    """Mask of a head: float32 `(batch,)`, 1.0 where the row has a label."""
    return f"{head}_labelled"


def class_weight(head: str) -> str:
    """Weight of a label, 1.0 where the row has none.

    Of the true class, float32 `(batch,)`; or of every tag or its absence, float32 `(batch, num_tags)`.
    """
    return f"{head}_class_weight"


def scores(head: str) -> str:
    """Signature output: probabilities, float32 `(batch, num_classes)`; of tags, each by itself."""
    return f"{head}/scores"


def classes(head: str) -> str:
    """Signature output: class names in the order of the scores, string `(batch, num_classes)`."""
    return f"{head}/classes"


def decided(head: str) -> str:
    """Signature output: the decided class name, string `(batch,)`."""
    return f"{head}/label"


def decided_tags(head: str) -> str:
    """Signature output: the decided tags of a multilabel head, string `(batch, num_tags)`, empty where one is not."""
    return f"{head}/labels"


def uncalibrated(head: str) -> str:
    """Output of the evaluation signature: probabilities as the model was trained to give them, as `scores`."""
    return f"{head}/uncalibrated"


def slice_of(columns: Mapping[str, object]) -> str:
    """A slice as people write it: `origin=JFK, carrier=AA`."""
    return ", ".join(f"{name}={value}" for name, value in columns.items()) or "all rows"


def derived(features: Iterable[str], heads: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yields (derived column, the feature or head it comes from) for every column that Transform emits."""
    for feature in features:
        yield transformed(feature), feature
        yield missing(feature), feature
        yield position(feature), feature
    for head in heads:
        yield label(head), head
        yield labelled(head), head
        yield class_weight(head), head
