"""A refused model must show: a run on KFP that pushed nothing would else be as green as one that did.

A step that fails uploads nothing but its log. So it is the Pusher that fails: by then the report is kept, and the
Pusher has nothing to keep.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tfx import types


def refused(inputs: Mapping[str, list[types.Artifact]], outputs: Mapping[str, list[types.Artifact]]) -> str:
    """Returns why a model was not pushed, in a sentence; an empty string if it was, and for all other stages."""
    if "pushed_model" not in outputs:
        return ""
    from components.evaluator.component import REPORT_FILE
    from components.pusher.component import PUSHED_PROPERTY
    from pipeline.report import gates

    if all(pushed.get_int_custom_property(PUSHED_PROPERTY) for pushed in outputs["pushed_model"]):
        return ""
    report = json.loads((Path(inputs["report"][0].uri) / REPORT_FILE).read_text(encoding="utf-8"))
    return gates.refusal(report)
