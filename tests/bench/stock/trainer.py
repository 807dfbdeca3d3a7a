"""run_fn as TFX's templates write it: TFX's own dataset of transformed examples, our model and its training."""

import json
from pathlib import Path

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.public import tfxio

from components.trainer import calibration, dataset
from components.trainer.export import export
from components.trainer.fit import train
from components.trainer.model import build_model
from components.transform.features.vocabulary import numbers_of_ids
from schema.task import TaskSpec


def run_fn(fn_args: FnArgs) -> None:
    """Trains on `train`, calibrates on `eval`, and writes the SavedModel."""
    task = TaskSpec.from_json(fn_args.custom_config["task"])
    classes = {head: tuple(values) for head, values in json.loads(fn_args.custom_config["classes"]).items()}
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    keras.utils.set_random_seed(task.training.seed)
    counts = dataset.label_counts(fn_args.train_files, transform_output.transformed_feature_spec(), classes)

    def batches(files, options):
        schema = transform_output.transformed_metadata.schema
        columns = fn_args.data_accessor.tf_dataset_factory(files, options, schema)
        return columns.map(lambda batch: dataset.split_batch(batch, task))

    size, steps = task.training.batch_size, fn_args.train_steps
    endless = batches(fn_args.train_files, tfxio.TensorFlowDatasetOptions(size))
    train_batches = endless.take(steps).apply(tf.data.experimental.assert_cardinality(steps))
    eval_options = tfxio.TensorFlowDatasetOptions(size, num_epochs=1, shuffle=False)
    eval_batches = batches(fn_args.eval_files, eval_options)
    model = build_model(task, numbers_of_ids(task, transform_output), counts)
    train(model, task, train_batches, eval_batches, fn_args.model_run_dir)
    calibrations = calibration.fit(model, task, classes, counts, eval_batches)
    export(model, transform_output, task, calibrations, Path(fn_args.serving_model_dir))
