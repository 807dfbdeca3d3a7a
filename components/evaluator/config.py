"""TFMA's configuration, generated from the task: nobody writes it by hand."""

from __future__ import annotations

from collections.abc import Mapping

from tensorflow_model_analysis.proto import config_pb2

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


def slicing_config(slices: list[tuple[str, ...]]) -> config_pb2.EvalConfig:
    """Returns what is known before there is a model: the slices. The Evaluator adds the rest by `eval_config`."""
    return config_pb2.EvalConfig(
        slicing_specs=[config_pb2.SlicingSpec(), *(config_pb2.SlicingSpec(feature_keys=keys) for keys in slices)]
    )


def eval_config(
    given: config_pb2.EvalConfig, models: Mapping[str, Mapping[str, ExportedHead]]
) -> config_pb2.EvalConfig:
    """Returns what TFMA is to extract: predictions, labels and masks of every head of every model.

    It names no metrics: those are `components.evaluator.batches`, and the verdict over them is
    `components.evaluator.verdict`.

    Args:
        given: As `slicing_config` returns it.
        models: As `models_of` returns them.
    """
    return config_pb2.EvalConfig(
        model_specs=[_model(model, heads) for model, heads in models.items()], slicing_specs=given.slicing_specs
    )


def models_of(
    candidate: Mapping[str, ExportedHead], baseline: Mapping[str, ExportedHead]
) -> dict[str, Mapping[str, ExportedHead]]:
    """Returns the heads of each model by its name, the candidate first; TFMA has no name for one that is alone.

    Args:
        candidate: Heads of the new model.
        baseline: Heads that a baseline model shares with the candidate; empty without a baseline.
    """
    return {CANDIDATE: candidate, BASELINE: baseline} if baseline else {"": candidate}


def _model(name: str, heads: Mapping[str, ExportedHead]) -> config_pb2.ModelSpec:
    return config_pb2.ModelSpec(
        name=name,
        is_baseline=name == BASELINE,
        signature_name=names.EVALUATION,
        preprocessing_function_names=[names.TRANSFORM_FEATURES],
        label_keys={head: names.label(head) for head in heads},
        # Masks, not class weights: without an example weight TFMA counts rows whose label is missing.
        example_weight_keys={head: names.labelled(head) for head in heads},
    )
