"""Evaluator, TFX's own with a baseline that may be absent or know other heads; and Report, which gives the verdict.

They are two stages because metrics are dear and the verdict is cheap: a changed gate must not evaluate again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.evaluator import component as tfx_evaluator
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.evaluator import config, results, summary, verdict
from components.evaluator.executor import BASELINE_HEADS_PROPERTY, HEADS_PROPERTY, EvaluatorExecutor
from components.evaluator.exported import heads_of
from components.statistics import load_by_split
from schema.task import TaskSpec

BLESSED_PROPERTY = "blessed"
REPORT_FILE = "report.json"


class Evaluator(tfx_evaluator.Evaluator):
    """TFX's Evaluator with our executor; its own blessing stays unwritten, Report's counts."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(EvaluatorExecutor)


class HeadReport(types.Artifact):
    """report.json with the `heads` and `joint` parts."""

    TYPE_NAME = "HeadReport"


class ReportExecutor(base_executor.BaseExecutor):
    """Judges the results against the gates."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the verdict and report.json."""
        task = TaskSpec.from_json(exec_properties["task"])
        evaluation = artifact_utils.get_single_instance(input_dict["evaluation"])
        heads = heads_of(json.loads(evaluation.get_string_custom_property(HEADS_PROPERTY)))
        compared = tuple(json.loads(evaluation.get_string_custom_property(BASELINE_HEADS_PROPERTY)))
        if compared:
            candidate = results.load(evaluation.uri, tuple(heads), config.CANDIDATE)
            baseline = results.load(evaluation.uri, compared, config.BASELINE)
        else:
            candidate, baseline = results.load(evaluation.uri, tuple(heads)), None
        outcomes = verdict.judge(task.gates, candidate, baseline)
        ok = verdict.blessed(outcomes)

        statistics = artifact_utils.get_single_instance(input_dict["statistics"])
        labelled = summary.labelled_rows(load_by_split(statistics), list(heads))
        report = {BLESSED_PROPERTY: ok, **summary.summarize(heads, labelled, candidate, outcomes)}
        folder = Path(artifact_utils.get_single_uri(output_dict["report"]))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / REPORT_FILE).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")

        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        blessing.set_int_custom_property(BLESSED_PROPERTY, int(ok))
        Path(blessing.uri).mkdir(parents=True, exist_ok=True)
        (Path(blessing.uri) / ("BLESSED" if ok else "NOT_BLESSED")).touch()


class ReportSpec(types.ComponentSpec):
    """Evaluation in, verdict and report out."""

    PARAMETERS = {
        "task": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }
    OUTPUTS = {
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "report": ChannelParameter(type=HeadReport),
    }


class Report(base_component.BaseComponent):
    """Gives the verdict.

    Args:
        evaluation: The Evaluator's output.
        statistics: Of the examples, for the number of labelled rows.
        task: Its heads and gates.
        fingerprint: Of the code.
    """

    SPEC_CLASS = ReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ReportExecutor)

    def __init__(
        self,
        evaluation: types.BaseChannel,
        statistics: types.BaseChannel,
        task: TaskSpec,
        fingerprint: str,
    ):
        super().__init__(
            ReportSpec(
                evaluation=evaluation,
                statistics=statistics,
                task=task.to_json(),
                fingerprint=fingerprint,
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
                report=types.Channel(type=HeadReport),
            )
        )
