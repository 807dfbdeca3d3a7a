"""TFMA's configuration, generated from the task: nobody writes it by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import tensorflow_model_analysis as tfma

from components.evaluator import joint, per_head
from components.exported import ExportedHead
from schema import names
from schema.task import TaskSpec

CANDIDATE = "candidate"
BASELINE = "baseline"


def slice_keys(task: TaskSpec) -> list[tuple[str, ...]]:
    """Returns the column combinations to slice by, once each: those of `slices`, and those that gates ask for."""
    asked = [tuple(sorted(keys)) for keys in task.slices]
    asked += [tuple(sorted(gate.columns)) for gates in task.gates.values() for gate in gates if gate.columns]
    return list(dict.fromkeys(asked))


def slicing_config(slices: list[tuple[str, ...]]) -> tfma.EvalConfig:
    """Returns what is known before there is a model: the slices. The Evaluator adds the rest by `eval_config`."""
    return tfma.EvalConfig(
        slicing_specs=[tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=keys) for keys in slices)]
    )


def eval_config(
    given: tfma.EvalConfig, candidate: Mapping[str, ExportedHead], baseline: Mapping[str, ExportedHead] | None = None
) -> tfma.EvalConfig:
    """Returns what TFMA computes: per head and slice, and over all heads, if the model has all of the candidate's.

    Metrics carry no thresholds of TFMA's, which it applies to every slice and does not have for joint metrics: the
    verdict is `components.evaluator.verdict` over these results. Each model decides by its own decision thresholds.

    Args:
        given: As `slicing_config` returns it.
        candidate: Heads of the new model.
        baseline: Heads that a baseline model shares with the candidate; None without a baseline.
    """
    compared = baseline is not None
    models = {"": candidate} if baseline is None else {CANDIDATE: candidate, BASELINE: baseline}
    specs = [
        tfma.MetricsSpec(
            output_names=[name],
            model_names=[model] if compared else [],
            metrics=[_metric(per_head.HeadMetrics, **_decisions(head))],
        )
        for model, heads in models.items()
        for name, head in heads.items()
    ]
    specs += [
        tfma.MetricsSpec(
            model_names=[model] if compared else [],
            metrics=[_metric(joint.JointMetrics, heads={name: _decisions(heads[name]) for name in candidate})],
        )
        for model, heads in models.items()
        if heads.keys() == candidate.keys()
    ]
    return tfma.EvalConfig(
        model_specs=[_model(model, heads) for model, heads in models.items()],
        metrics_specs=specs,
        slicing_specs=given.slicing_specs,
    )


def _model(name: str, heads: Mapping[str, ExportedHead]) -> tfma.ModelSpec:
    return tfma.ModelSpec(
        name=name,
        is_baseline=name == BASELINE,
        signature_name=names.EVALUATION,
        preprocessing_function_names=[names.TRANSFORM_FEATURES],
        label_keys={head: names.label(head) for head in heads},
        # Masks, not class weights: without an example weight TFMA counts rows whose label is missing.
        example_weight_keys={head: names.labelled(head) for head in heads},
    )


def _decisions(head: ExportedHead) -> dict[str, Any]:
    return {"thresholds": list(head.thresholds), "multilabel": head.is_multilabel}


def _metric(metric: type, **config: Any) -> tfma.MetricConfig:
    return tfma.MetricConfig(class_name=metric.__name__, module=metric.__module__, config=json.dumps(config))
