"""The form of a head's output: logits over classes on the last axis.

A multiclass head: `(batch, num_classes)`. A multilabel head: a pair per tag, `(batch, num_tags, 2)`, which is a sigmoid
in the form of a softmax, so that every loss, metric and calibration is written once. With `trunk.members` above 1 the
members stand on the second axis: `(batch, members, num_classes)`.
"""

from __future__ import annotations

import math
from typing import Any

import keras


def per_tag(logits: Any) -> Any:
    """Returns pairs (0, logit) of the logits of tags: `(..., num_tags)` to `(..., num_tags, 2)`."""
    return keras.ops.stack([keras.ops.zeros_like(logits), logits], axis=-1)


def over_members(labels: Any, logits: Any) -> Any:
    """Returns labels `(batch, ...)` in the shape of the logits' rows, repeated for every member if there are any."""
    rows = keras.ops.shape(logits)[:-1]
    if len(rows) > len(labels.shape):
        labels = keras.ops.expand_dims(labels, 1)
    return keras.ops.broadcast_to(labels, rows)


def log_probabilities(logits: Any, members: int) -> Any:
    """Returns log p, without a members' axis: the log of the mean of the members' probabilities."""
    log_p = keras.ops.log_softmax(logits, axis=-1)
    if members == 1:
        return log_p
    return keras.ops.logsumexp(log_p, axis=1) - math.log(members)
