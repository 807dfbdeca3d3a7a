"""What TensorFlow Transform runs: the same graph in training, evaluation and serving."""

from __future__ import annotations

import json
from typing import Any

import tensorflow as tf

from components.transform import labels
from components.transform.analysis.learnt import Learnt
from components.transform.features import TRANSFORMS
from schema.task import TaskSpec


def preprocessing_fn(inputs: dict[str, tf.SparseTensor], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Transforms every feature and label of the task.

    Args:
        inputs: Raw columns as sparse tensors `(batch, at most 1)`.
        custom_config: `task`, the task as JSON; `classes`, class names per head as JSON; `learnt`, the folder of what
            was learnt from the training rows.

    Returns:
        Transformed columns, named and shaped as `schema.names` says.
    """
    task = TaskSpec.from_json(custom_config["task"])
    classes = json.loads(custom_config["classes"])
    learnt = Learnt(custom_config["learnt"])
    outputs: dict[str, tf.Tensor] = {}
    for name, feature in task.features.items():
        outputs |= TRANSFORMS[feature.type](name, inputs[name], feature, learnt.of(name))
    for name, head in task.heads.items():
        outputs |= labels.transform(name, inputs[name], head, tuple(classes[name]), learnt.of(name))
    return outputs
