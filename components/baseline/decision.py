"""What Baseline says of the model that it hands on, to the stages after it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types

# Of the artifact: the served version that it is a copy of.
VERSION_PROPERTY = "version"
# Of the artifact, if the version was chosen at run time: what the stages after it are to be told.
_DECISION_PROPERTY = "decision"


def write_decision(baseline: types.Artifact, decision: Mapping[str, Any]) -> None:
    """Lets the stages after the Baseline know what it decided at run time.

    Args:
        baseline: Its artifact.
        decision: Parameters of those stages, by name.
    """
    baseline.set_string_custom_property(_DECISION_PROPERTY, json.dumps(decision))


def decided(baseline: Sequence[types.Artifact], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a stage's parameters with what the Baseline decided at run time in their place, if it did.

    Args:
        baseline: The Baseline's artifact, as the stage's input.
        parameters: As the pipeline gives them.
    """
    known = [text for artifact in baseline if (text := artifact.get_string_custom_property(_DECISION_PROPERTY))]
    return {**parameters, **(json.loads(known[0]) if known else {})}
