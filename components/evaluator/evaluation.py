"""One pass of TFMA over rows: read, answered by the model and its baseline, counted, written."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.api.types import EvalSharedModel
from tensorflow_model_analysis.extractors.example_weights_extractor import ExampleWeightsExtractor
from tfx import types
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig
from tfx_bsl.tfxio.tf_example_record import TFExampleBeamRecord

from components.evaluator.asked import batch_rows, shared_model
from components.evaluator.batches import CountBatches, Counter
from components.evaluator.written import write_metrics
from components.example_gen import records
from components.exported import ExportedHead
from schema import names


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What is evaluated, and where the results go.

    Attributes:
        config: As `components.evaluator.config.eval_config` returns it.
        models: Heads of each model, as `components.evaluator.config.models_of` returns them.
        folders: SavedModel of each model.
        output: Folder of TFMA's results.
    """

    config: tfma.EvalConfig
    models: Mapping[str, Mapping[str, ExportedHead]]
    folders: Mapping[str, Path]
    output: str

    def run(self, pipeline: beam.Pipeline, examples: Sequence[types.Artifact], schema: schema_pb2.Schema) -> None:
        """Evaluates the rows of `test`.

        Args:
            pipeline: That is to do it.
            examples: Raw rows.
            schema: Of their columns.
        """
        slicings = [tuple(spec.feature_keys) for spec in self.config.slicing_specs]
        folders = artifact_utils.get_split_uris(list(examples), names.TEST)
        files = [os.path.join(folder, file) for folder in folders for file in sorted(fileio.listdir(folder))]
        # The rows as they are, and the columns to slice by: nobody looks at the others.
        source = TFExampleBeamRecord("tfrecords_gzip", ["Evaluator"], schema, constants.ARROW_INPUT_COLUMN).Project(
            sorted({column for by in slicings for column in by})
        )
        shared = [shared_model(folder, name, self.models[name], self.config) for name, folder in self.folders.items()]
        adapter = TensorAdapterConfig(source.ArrowSchema(), source.TensorRepresentations())
        extracts = (
            pipeline
            | "Files" >> beam.Create(files)
            # Beam's own reader leaves all files to the worker that has listed them (model-analysis#170).
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.FlatMap(_rows).with_output_types(bytes)
            | "Batch" >> source.BeamSource(batch_rows(self.folders.values()))
            | "Extract" >> tfma.BatchedInputsToExtracts()
        )
        for extractor in _extractors(self.config, shared, adapter):
            extracts |= extractor.stage_name >> extractor.ptransform
        candidate, *baselines = self.models
        _ = (
            extracts
            | "Evaluate" >> CountBatches(Counter(self.models, slicings))
            | "Write" >> beam.Map(write_metrics, self.output, len(slicings), candidate, "".join(baselines))
        )


def _rows(file: str) -> Iterator[bytes]:
    return itertools.chain.from_iterable(records.serialized(file))


def _extractors(
    config: tfma.EvalConfig, shared: Sequence[EvalSharedModel], adapter: TensorAdapterConfig
) -> list[tfma.extractors.Extractor]:
    """Returns TFMA's extractors of batches, without those that take them apart."""
    return [
        tfma.extractors.FeaturesExtractor(config, adapter.tensor_representations),
        tfma.extractors.TransformedFeaturesExtractor(config, list(shared)),
        tfma.extractors.LabelsExtractor(config),
        ExampleWeightsExtractor(config),
        tfma.extractors.PredictionsExtractor(config, list(shared)),
    ]
