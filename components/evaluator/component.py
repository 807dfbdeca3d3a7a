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

from components.baseline.decision import decided
from components.canary.component import CANARY_FILE, CanaryFindings
from components.evaluator import config, results, summary, verdict
from components.evaluator.comparison import Comparison
from components.evaluator.executor import EvaluatorExecutor
from components.evaluator.exported import read_heads
from components.statistics import load_by_split
from schema.task import TaskSpec

BLESSED_PROPERTY = "blessed"
REPORT_FILE = "report.json"


class Evaluator(tfx_evaluator.Evaluator):
    """TFX's Evaluator with our executor; its own blessing stays unwritten, Report's counts."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(EvaluatorExecutor)


class HeadReport(types.Artifact):
    """report.json as far as the verdict goes; the run adds the rest."""

    TYPE_NAME = "components.HeadReport"


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
        heads, of_baseline = read_heads(evaluation.uri)
        compared = Comparison.of(heads, of_baseline)
        if compared.shared:
            candidate = results.load(evaluation.uri, tuple(heads), config.CANDIDATE)
            baseline = results.load(evaluation.uri, tuple(compared.shared), config.BASELINE)
        else:
            candidate, baseline = results.load(evaluation.uri, tuple(heads)), None
        uncompared = compared.uncompared()
        canary_file = Path(artifact_utils.get_single_uri(input_dict["canary"])) / CANARY_FILE
        canary = json.loads(canary_file.read_text(encoding="utf-8"))
        given = decided(input_dict["baseline_model"], exec_properties)
        refusals = [*verdict.canary_refusals(canary), *filter(None, [given["revoked"]])]
        found = verdict.judge(task.gates, candidate, baseline, uncompared, refusals)

        statistics = artifact_utils.get_single_instance(input_dict["statistics"])
        labelled = summary.labelled_rows(load_by_split(statistics), list(heads))
        version = given["baseline"]
        report = {
            **summary.summarize(heads, labelled, candidate, baseline, found, uncompared),
            "comparison": compared.sentence(version) if version else given["no_baseline"],
            "canary": canary,
        }
        folder = Path(artifact_utils.get_single_uri(output_dict["report"]))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / REPORT_FILE).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")

        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        blessing.set_int_custom_property(BLESSED_PROPERTY, int(found.blessed))
        Path(blessing.uri).mkdir(parents=True, exist_ok=True)
        (Path(blessing.uri) / ("BLESSED" if found.blessed else "NOT_BLESSED")).touch()


class ReportSpec(types.ComponentSpec):
    """Evaluation and the canary's findings in, verdict and report out."""

    PARAMETERS = {
        "task": ExecutionParameter(type=str),
        "baseline": ExecutionParameter(type=str),
        "no_baseline": ExecutionParameter(type=str),
        "revoked": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "canary": ChannelParameter(type=CanaryFindings),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model),
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
        canary: What the model answered before it was judged.
        baseline_model: The Baseline's output: what it decided at run time counts for more than the parameters.
        task: Its heads and gates.
        baseline: Version folder to compare with, or an empty string.
        no_baseline: Why there is none, in a sentence; empty if there is one.
        revoked: That this very training was rolled back, in a sentence; else empty.
        fingerprint: Of the code.
    """

    SPEC_CLASS = ReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ReportExecutor)

    def __init__(
        self,
        evaluation: types.BaseChannel,
        statistics: types.BaseChannel,
        canary: types.BaseChannel,
        baseline_model: types.BaseChannel,
        task: TaskSpec,
        baseline: str,
        no_baseline: str,
        revoked: str,
        fingerprint: str,
    ):
        super().__init__(
            ReportSpec(
                evaluation=evaluation,
                statistics=statistics,
                canary=canary,
                baseline_model=baseline_model,
                task=task.to_json(),
                baseline=baseline,
                no_baseline=no_baseline,
                revoked=revoked,
                fingerprint=fingerprint,
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
                report=types.Channel(type=HeadReport),
            )
        )
