"""The pipeline of a task: wiring, and nothing else."""

from __future__ import annotations

import json

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.trainer.component import Trainer
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2, transform_pb2

from components.baseline.component import Baseline
from components.canary.component import Canary
from components.data_gate.component import DataGate
from components.data_gate.drift.component import Drift
from components.evaluator.component import Evaluator, Report
from components.evaluator.config import slice_keys, slicing_config
from components.example_gen.component import ExampleGen
from components.example_gen.layout import Layout
from components.import_schema.component import ImportSchema
from components.pusher.component import Pusher
from components.statistics_gen.component import StatisticsGen
from components.transform.component import Transform
from pipeline import fingerprint
from pipeline.config import RunConfig
from pipeline.given import Given, look_up
from schema import names
from schema.contract import Contract
from schema.data import SpanSplit

# The gate is cheaper than its place in the cache; what the cache says of the serving folder may no longer be there.
NEVER_CACHED = frozenset({"DataGate", "Pusher"})


def build_pipeline(contract: Contract, run: RunConfig) -> Pipeline:
    """Returns the graph that trains, judges and pushes one multi-output model on this machine.

    Args:
        contract: The task.
        run: Where to read, write and compute.

    Raises:
        DataError: There is no data, or the serving folder is damaged.
    """
    return wire(contract, look_up(contract, run))


def wire(contract: Contract, given: Given) -> Pipeline:
    """Returns the graph, the same for every runner.

    Args:
        contract: The task.
        given: What the stages are told beyond it.
    """
    task, classes = contract.task, {head: list(values) for head, values in contract.classes.items()}
    layout, warm_start = Layout.of(contract), task.training.warm_start
    transform_task, trainer_task = fingerprint.for_transform(task), fingerprint.for_trainer(task)

    example_gen = ExampleGen(
        data=given.data,
        config=task.data,
        layout=layout,
        data_fingerprint=given.data_fingerprint,
        fingerprint=fingerprint.code("ExampleGen"),
        window=given.window,
        store=given.span_store,
        span=given.span,
        spans=given.spans,
    )
    statistics = StatisticsGen(
        examples=example_gen.outputs["examples"],
        layout=layout,
        store=given.counts,
        fingerprint=fingerprint.digest(fingerprint.code("StatisticsGen"), layout.to_json()),
    )
    schema = ImportSchema(contract.schema).with_id("ImportSchemaGen")
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = DataGate(
        examples=example_gen.outputs["examples"],
        anomalies=validator.outputs["anomalies"],
        statistics=statistics.outputs["statistics"],
        columns=[*task.features, *task.heads],
        sliced=sorted({name for keys in slice_keys(task) for name in keys}),
        data=given.data if given.recipe else "",
        run_id=given.run_id if given.recipe else "",
        file_format=task.data.format,
        path_columns=layout.path_columns,
    )
    gates: list[DataGate | Drift] = [gate]
    if given.has_spans and task.drift != "off":
        drift = Drift(
            examples=example_gen.outputs["examples"],
            window=given.window,
            judging=task.data.split.newest if isinstance(task.data.split, SpanSplit) else 1,
            watched=contract.watched,
            mode=task.drift,
            store=given.counts,
            fingerprint=fingerprint.digest(
                fingerprint.code("Drift"), *(f"{column.name} {column.kind}" for column in contract.watched)
            ),
        )
        drift.add_upstream_node(gate)
        gates.append(drift)

    transform = Transform(
        examples=example_gen.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="components.transform.preprocessing.preprocessing_fn",
        splits_config=transform_pb2.SplitsConfig(analyze=[names.TRAIN], transform=[names.TRAIN, names.EVAL]),
        disable_statistics=True,
        # There is nothing left that TensorFlow Transform would analyse; ours keeps what it learns per span.
        disable_analyzer_cache=True,
        custom_config={
            "task": transform_task.to_json(),
            "classes": json.dumps(classes),
            "code": fingerprint.code("Transform"),
            "store": given.counts,
        },
    )
    transform.add_upstream_node(gates[-1])
    baseline = Baseline(
        examples=example_gen.outputs["examples"],
        version=given.baseline,
        identity=given.identity,
        recipe=given.recipe,
        serving=given.serving if given.recipe else "",
        no_baseline=given.no_baseline,
        warm_start=warm_start,
    )
    baseline.add_upstream_node(gates[-1])
    trainer = Trainer(
        run_fn="components.trainer.run.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        # Only then: any other model does not depend on the one before, and is not made anew because that has changed.
        base_model=baseline.outputs["model"] if warm_start else None,
        train_args=trainer_pb2.TrainArgs(splits=[names.TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[names.EVAL]),
        custom_config={
            "task": trainer_task.to_json(),
            "classes": json.dumps(classes),
            "code": fingerprint.code("Trainer"),
            "weights": fingerprint.weights(trainer_task),
            **({"from": given.baseline} if warm_start else {}),
        },
    )
    canary = Canary(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        fingerprint=fingerprint.code("Canary"),
    )
    evaluator = Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        schema=schema.outputs["schema"],
        example_splits=[names.TEST],
        eval_config=slicing_config(slice_keys(task)),
    )
    evaluator.exec_properties["fingerprint"] = fingerprint.code("Evaluator")
    report = Report(
        evaluation=evaluator.outputs["evaluation"],
        statistics=statistics.outputs["statistics"],
        canary=canary.outputs["canary"],
        baseline_model=baseline.outputs["model"],
        task=fingerprint.for_report(task),
        baseline=given.baseline,
        no_baseline=given.why_none,
        revoked=given.revoked,
        fingerprint=fingerprint.code("Report"),
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        blessing=report.outputs["blessing"],
        report=report.outputs["report"],
        canary=canary.outputs["canary"],
        statistics=statistics.outputs["statistics"],
        baseline_model=baseline.outputs["model"],
        serving=given.serving,
        training=given.training,
        baseline=given.baseline,
        keep=task.push.keep,
        run_id=given.run_id,
        data=given.data,
        data_fingerprint="" if given.recipe else given.data_fingerprint,
        provenance={"task": task.task, "code": fingerprint.codes()},
        replace_pointer=given.replace_pointer,
    )
    return Pipeline(
        pipeline_name=given.name,
        pipeline_root=given.root,
        components=[
            example_gen,
            statistics,
            schema,
            validator,
            *gates,
            transform,
            trainer,
            canary,
            baseline,
            evaluator,
            report,
            pusher,
        ],
        enable_cache=given.reuse,
        metadata_connection_config=given.metadata and metadata.sqlite_metadata_connection_config(str(given.metadata)),
    )
