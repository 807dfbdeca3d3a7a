"""TFMA's configuration, generated from the task: nobody writes it by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping

import tensorflow_model_analysis as tfma

from components.evaluator import joint, metrics
from schema import names
from schema.task import TaskSpec

CANDIDATE = "candidate"
BASELINE = "baseline"


def slice_keys(task: TaskSpec) -> list[tuple[str, ...]]:
    """Returns the column combinations to slice by, once each: those of `slices`, and those that gates ask for."""
    asked = [tuple(sorted(keys)) for keys in task.slices]
    asked += [tuple(sorted(gate.slice)) for gates in task.gates.values() for gate in gates if gate.slice]
    return list(dict.fromkeys(asked))


def eval_config(
    heads: Mapping[str, int], slices: list[tuple[str, ...]], baseline_heads: frozenset[str] | None = None
) -> tfma.EvalConfig:
    """Returns what TFMA computes: per head and slice, and over all heads.

    Metrics carry no thresholds: TFMA applies one to every slice and has none for joint metrics, so the verdict is
    `components.evaluator.verdict` over these results.

    Args:
        heads: Number of classes by head.
        slices: Column combinations; the whole is always there.
        baseline_heads: Heads that a baseline model shares with the candidate; None without a baseline.
    """
    candidate = tfma.ModelSpec(
        name=CANDIDATE if baseline_heads is not None else "",
        signature_name=names.EVALUATION,
        preprocessing_function_names=[names.TRANSFORM_FEATURES],
        label_keys={head: names.label(head) for head in heads},
        # Masks, not class weights: without an example weight TFMA counts rows whose label is missing.
        example_weight_keys={head: names.labelled(head) for head in heads},
    )
    models = [candidate]
    if baseline_heads is not None:
        baseline = tfma.ModelSpec(
            name=BASELINE,
            is_baseline=True,
            signature_name=names.EVALUATION,
            preprocessing_function_names=[names.TRANSFORM_FEATURES],
            label_keys={head: names.label(head) for head in sorted(baseline_heads)},
            example_weight_keys={head: names.labelled(head) for head in sorted(baseline_heads)},
        )
        models.append(baseline)
    specs = []
    for head, num_classes in heads.items():
        of_models = [] if baseline_heads is None else [CANDIDATE, *([BASELINE] if head in baseline_heads else [])]
        specs.append(
            tfma.MetricsSpec(
                output_names=[head],
                model_names=of_models,
                metrics=[_metric(metrics.HeadMetrics, num_classes=num_classes)],
            )
        )
    of_models = [] if baseline_heads is None else [CANDIDATE]
    specs.append(tfma.MetricsSpec(model_names=of_models, metrics=[_metric(joint.JointMetrics)]))
    return tfma.EvalConfig(
        model_specs=models,
        metrics_specs=specs,
        slicing_specs=[tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=keys) for keys in slices)],
    )


def _metric(metric: type, **config: int) -> tfma.MetricConfig:
    return tfma.MetricConfig(class_name=metric.__name__, module=metric.__module__, config=json.dumps(config))
