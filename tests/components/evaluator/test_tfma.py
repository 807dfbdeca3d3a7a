"""TFMA's own evaluator and ours on the same predictions, slice by slice: where definitions agree, so do numbers."""

import ast

import apache_beam as beam
import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.api import types
from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator as tfmas_own
from tensorflow_model_analysis.proto import config_pb2

from components.evaluator import config
from components.evaluator.batches import CountBatches, Counter
from components.exported import ExportedHead

ROWS = 400
RNG = np.random.default_rng(0)
HEADS = {
    "late": ExportedHead("multiclass", ("no", "yes"), (0.5, 0.5)),
    "kind": ExportedHead("multiclass", ("a", "b", "c"), (1 / 3,) * 3),
}
# Our names of TFMA's metrics.
NAMES = {
    "auc": "auc",
    "sparse_categorical_accuracy": "accuracy",
    "sparse_categorical_crossentropy": "log_loss",
    "weighted_example_count": "labelled",
}


def batch(rows):
    """Returns rows as TFMA's extractors hand on a batch of them; a row has any number of colours, none included."""
    # Scores so far apart that each has bins of its own, here as in TFMA.
    yes = RNG.integers(1, 50, rows) / 50
    colours = [RNG.choice([b"red", b"blue"], RNG.integers(0, 3), replace=False) for _ in range(rows)]
    places = [(row, place) for row, of_row in enumerate(colours) for place in range(len(of_row))]
    colour = types.VarLenTensorValue(
        np.concatenate(colours).astype(object), np.array(places).reshape(-1, 2), np.array([rows, 2])
    )
    return {
        constants.INPUT_KEY: np.array([b""] * rows, object),
        constants.FEATURES_KEY: {"colour": colour},
        constants.LABELS_KEY: {
            "late": (RNG.random((rows, 1)) < yes[:, np.newaxis]).astype(np.int64),
            "kind": RNG.integers(0, 3, (rows, 1)),
        },
        constants.EXAMPLE_WEIGHTS_KEY: {name: (RNG.random((rows, 1)) < 0.7).astype(np.float32) for name in HEADS},
        constants.PREDICTIONS_KEY: {
            "late": np.stack([1 - yes, yes], axis=1).astype(np.float32),
            "kind": RNG.dirichlet([1, 1, 1], rows).astype(np.float32),
            "late/uncalibrated": np.full((rows, 2), 0.5, np.float32),
        },
    }


def metrics_config():
    """Returns the EvalConfig of the executor with metrics of TFMA's."""
    found = config.eval_config(config.slicing_config([("colour",)]), config.models_of(HEADS, {}))
    count = config_pb2.MetricConfig(class_name="WeightedExampleCount")
    of_all = [
        count,
        *(config_pb2.MetricConfig(class_name=f"SparseCategorical{kind}") for kind in ("Accuracy", "Crossentropy")),
    ]
    found.metrics_specs.add(output_names=list(HEADS), metrics=of_all)
    auc = config_pb2.MetricConfig(class_name="AUC", config='{"num_thresholds": 10000}')
    found.metrics_specs.add(
        output_names=["late"], metrics=[auc], binarize=config_pb2.BinarizationOptions(class_ids={"values": [1]})
    )
    return found


def numbers(of_slice):
    """Returns numbers by slice, head and name, as text."""
    slice_key, metrics = of_slice
    return repr(
        {
            (slice_key, key.output_name, key.name): float(value)
            for key, value in metrics.items()
            if not isinstance(value, bytes) and np.ndim(value) == 0
        }
    )


@pytest.fixture(scope="module")
def found(beam_arguments, tmp_path_factory):
    """What both evaluators find: numbers by slice, head and name."""
    folder = tmp_path_factory.mktemp("found")
    given = metrics_config()
    slicings = [tuple(spec.feature_keys) for spec in given.slicing_specs]
    with beam.Pipeline(argv=beam_arguments) as pipeline:
        batches = pipeline | beam.Create([batch(ROWS // 4) for _ in range(4)])
        rows = batches
        for extractor in (tfma.extractors.UnbatchExtractor(), tfma.extractors.SliceKeyExtractor(eval_config=given)):
            rows |= extractor.stage_name >> extractor.ptransform
        evaluations = {
            "ours": batches
            | "ours" >> CountBatches(Counter({"": HEADS}, slicings))
            | beam.FlatMap(lambda of_slicing: of_slicing[1].metrics("", "")),
            "tfma": (rows | "tfma" >> tfmas_own.MetricsPlotsAndValidationsEvaluator(given).ptransform)[
                constants.METRICS_KEY
            ],
        }
        for name, evaluation in evaluations.items():
            texts = evaluation | f"numbers of {name}" >> beam.Map(numbers)
            _ = texts | f"write {name}" >> beam.io.WriteToText(str(folder / name))
    return {
        name: dict(
            item
            for file in folder.glob(f"{name}-*")
            for line in file.read_text().splitlines()
            for item in ast.literal_eval(line.replace("nan", "None")).items()
        )
        for name in evaluations
    }


def test_numbers_are_those_of_tfma_where_definitions_agree(found):
    expected = {
        (slice_key, head, NAMES[name]): value
        for (slice_key, head, name), value in found["tfma"].items()
        if name in NAMES
    }
    slices = {(), (("colour", "red"),), (("colour", "blue"),)}
    assert {key[0] for key in expected} == {key[0] for key in found["ours"]} == slices
    assert len(expected) == len(slices) * (2 * 3 + 1)
    assert expected == pytest.approx({key: found["ours"][key] for key in expected}, abs=1e-6)
