"""TFMA's results as its own writers leave them, for its loaders and its notebooks.

Those writers are a dozen steps of Beam, of which a cluster begins each when the one before has ended, for a few kB.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf
from google.protobuf import json_format
from tensorflow_model_analysis import constants, version
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers import eval_config_writer
from tensorflow_model_analysis.writers.metrics_plots_and_validations_writer import convert_slice_metrics_to_proto
from tfx.dsl.io import fileio

from components.drafts import draft_of
from components.evaluator.tally import Tally


def write_metrics(of_slicing: tuple[int, Tally], folder: str, slicings: int, candidate: str, baseline: str) -> None:
    """Writes what a tally amounts to, whole or not at all.

    Args:
        of_slicing: Index of a slicing, and its tally.
        folder: Of TFMA's results.
        slicings: How many there are: each is one of as many files.
        candidate: As for `Tally.metrics`.
        baseline: As for `Tally.metrics`.
    """
    index, tally = of_slicing
    path = os.path.join(folder, f"{constants.METRICS_KEY}-{index:05}-of-{slicings:05}.tfrecord")
    draft = draft_of(path)
    with tf.io.TFRecordWriter(draft) as writer:
        for metrics in tally.metrics(candidate, baseline):
            writer.write(convert_slice_metrics_to_proto(metrics, None).SerializeToString())
    fileio.rename(draft, path, overwrite=True)


def write_config(folder: str, config: config_pb2.EvalConfig, models: Mapping[str, Path]) -> None:
    """Writes what was evaluated.

    Args:
        folder: Of TFMA's results.
        config: Its configuration.
        models: Folder of each model, by its name there.
    """
    run = config_pb2.EvalRun(
        eval_config=config,
        version=version.VERSION,
        model_locations={name: str(of_model) for name, of_model in models.items()},
    )
    name = f"{eval_config_writer.EVAL_CONFIG_FILE}.{eval_config_writer.EVAL_CONFIG_FILE_FORMAT}"
    with fileio.open(os.path.join(folder, name), "w") as file:
        file.write(json_format.MessageToJson(run))
