"""The graph that TFX's templates wire, for a task of tables: stock components, TensorFlow's and TFX's own ways.

    python tests/bench/stock/pipeline.py --data FOLDER --output FOLDER --rows N [--beam=--runner=...]

Writes metrics.json: accuracy and AUC of each head over all test rows.
"""

import argparse
import json
import math
import sys
import uuid
from pathlib import Path

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx
from tfx.types import standard_artifacts

import schema
from schema import names
from schema.contract import load_contract

TASK = Path(schema.__file__).parent / "flights"


def build(contract, data, output, steps, beam, stages):
    """Returns the pipeline; Beam's arguments are for stages of these names, each of which names its job."""
    task = contract.task
    config = {"task": task.to_json(), "classes": json.dumps({head: list(of) for head, of in contract.classes.items()})}
    buckets = [
        tfx.proto.SplitConfig.Split(name=name, hash_buckets=share)
        for name, share in ((names.TRAIN, 8), (names.EVAL, 1), (names.TEST, 1))
    ]
    example_gen = tfx.components.CsvExampleGen(
        input_base=str(data), output_config=tfx.proto.Output(split_config=tfx.proto.SplitConfig(splits=buckets))
    )
    examples = example_gen.outputs["examples"]
    statistics = tfx.components.StatisticsGen(examples=examples)
    importer = tfx.components.ImportSchemaGen(schema_file=str(TASK / "schema.pbtxt"))
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=importer.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=examples,
        schema=importer.outputs["schema"],
        preprocessing_fn="stock.preprocessing.preprocessing_fn",
        custom_config=config,
    )
    trainer = tfx.components.Trainer(
        run_fn="stock.trainer.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=importer.outputs["schema"],
        train_args=tfx.proto.TrainArgs(splits=[names.TRAIN], num_steps=steps),
        eval_args=tfx.proto.EvalArgs(splits=[names.EVAL]),
        custom_config=config,
    )
    resolver = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    evaluator = tfx.components.Evaluator(
        examples=examples,
        model=trainer.outputs["model"],
        baseline_model=resolver.outputs["model"],
        eval_config=eval_config(contract),
        example_splits=[names.TEST],
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(output / "serving"))
        ),
    )
    if beam:
        for component in (each for each in (example_gen, statistics, transform, evaluator) if each.id in stages):
            component.with_beam_pipeline_args([*beam, f"--job_name=stock-{component.id}-{uuid.uuid4().hex[:8]}"])
    return tfx.dsl.Pipeline(
        pipeline_name="stock",
        pipeline_root=str(output / "artifacts"),
        components=[example_gen, statistics, importer, validator, transform, trainer, resolver, evaluator, pusher],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(output / "metadata.db")
        ),
    )


def eval_config(contract):
    """Returns what TFMA computes of every head and slice: its own metrics, as near to ours as they come."""
    model = tfma.ModelSpec(
        signature_name=names.EVALUATION,
        preprocessing_function_names=[names.TRANSFORM_FEATURES],
        label_keys={head: names.label(head) for head in contract.classes},
        example_weight_keys={head: names.labelled(head) for head in contract.classes},
    )
    specs = []
    for head, classes in contract.classes.items():
        anything = tfma.MetricThreshold(value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 0.0}))
        of_rows = [
            tfma.MetricConfig(class_name="SparseCategoricalAccuracy", threshold=anything),
            tfma.MetricConfig(class_name="SparseCategoricalCrossentropy"),
            tfma.MetricConfig(class_name="ExampleCount"),
        ]
        of_classes = [tfma.MetricConfig(class_name=name) for name in ("AUC", "Precision", "Recall", "CalibrationPlot")]
        others = config_pb2.BinarizationOptions(class_ids={"values": range(1, len(classes))})
        specs += [
            tfma.MetricsSpec(output_names=[head], metrics=of_rows),
            tfma.MetricsSpec(output_names=[head], binarize=others, metrics=of_classes),
        ]
    slices = [tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=keys) for keys in contract.task.slices)]
    return tfma.EvalConfig(model_specs=[model], metrics_specs=specs, slicing_specs=slices)


def metrics(output, classes):
    """Returns accuracy and AUC of every head over all test rows, as `multihead run` reports them."""
    (evaluation,) = (output / "artifacts" / "Evaluator" / "evaluation").iterdir()
    result = tfma.load_eval_result(str(evaluation))
    found = {}
    for head, of_head in classes.items():
        accuracy = result.get_metrics_for_slice((), output_name=head)["sparse_categorical_accuracy"]["doubleValue"]
        areas = [
            result.get_metrics_for_slice((), output_name=head, class_id=index)["auc"]["doubleValue"]
            for index in range(1, len(of_head))
        ]
        found[head] = {"accuracy": accuracy, "auc": sum(areas) / len(areas)}
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--beam", action="append", default=[], help="argument of Beam; in process if there is none")
    parser.add_argument("--stages", default="", help="for which that is, with commas between")
    options = parser.parse_args()
    contract = load_contract(TASK, options.set)
    steps = math.ceil(0.8 * options.rows / contract.task.training.batch_size)
    options.output.mkdir(parents=True)
    pipeline = build(contract, options.data, options.output, steps, options.beam, options.stages.split(","))
    tfx.orchestration.LocalDagRunner().run(pipeline)
    (options.output / "metrics.json").write_text(json.dumps(metrics(options.output, contract.classes)))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
