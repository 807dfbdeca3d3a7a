"""The pipeline of a task: wiring, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
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
from components.example_gen.entries import Entry
from components.example_gen.layout import Layout
from components.import_schema.component import ImportSchema
from components.pusher.component import Pusher
from components.pusher.history import revocation
from pipeline import fingerprint
from pipeline.baseline import begun_from, find_baseline
from pipeline.config import RunConfig
from pipeline.identity import data_fingerprint, stored_key
from pipeline.report import document
from schema import names
from schema.contract import Contract
from schema.data import SpanSplit

# The gate is cheaper than its place in the cache; what the cache says of the serving folder may no longer be there.
NEVER_CACHED = frozenset({"DataGate", "Pusher"})


def build_pipeline(contract: Contract, run: RunConfig) -> Pipeline:
    """Returns the graph that trains, judges and pushes one multi-output model.

    Args:
        contract: The task.
        run: Where to read, write and compute.

    Raises:
        DataError: There is no data, or the serving folder is damaged.
    """
    task, classes = contract.task, {head: list(values) for head, values in contract.classes.items()}
    rows, layout = data_fingerprint(contract, run.data, run.spans), Layout.of(contract)
    transform_task, trainer_task = fingerprint.for_transform(task), fingerprint.for_trainer(task)
    training, warm_start = training_digest(contract, rows), task.training.warm_start
    last_blessed = find_baseline(run, training, warm_start)
    training = begun_from(training, last_blessed) if warm_start else training

    window = [
        Entry(span.label, span.number, str(Path(span.folder).resolve()), stored_key(contract, span))
        for span in run.spans
    ]

    example_gen = ExampleGen(
        data=str(run.data.resolve()),
        config=task.data,
        layout=layout,
        fingerprint=fingerprint.digest(rows, fingerprint.code("ExampleGen")),
        window=window,
        store=str(run.span_store.resolve()),
    )
    statistics = StatisticsGen(
        examples=example_gen.outputs["examples"], stats_options=statistics_options(layout.images)
    )
    schema = ImportSchema(contract.schema).with_id("ImportSchemaGen")
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = DataGate(
        examples=example_gen.outputs["examples"],
        anomalies=validator.outputs["anomalies"],
        statistics=statistics.outputs["statistics"],
        columns=[*task.features, *task.heads],
        sliced=sorted({name for keys in slice_keys(task) for name in keys}),
    )
    gates: list[DataGate | Drift] = [gate]
    if window and task.drift != "off":
        drift = Drift(
            examples=example_gen.outputs["examples"],
            window=window,
            judging=task.data.split.newest if isinstance(task.data.split, SpanSplit) else 1,
            watched=contract.watched,
            mode=task.drift,
            store=str(run.counts.resolve()),
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
        # Each window of spans is one artifact of its own, so that no later run would find what it is to read there.
        disable_analyzer_cache=True,
        custom_config={
            "task": transform_task.to_json(),
            "classes": json.dumps(classes),
            "code": fingerprint.code("Transform"),
        },
    )
    transform.add_upstream_node(gates[-1])
    baseline = Baseline(version=last_blessed.folder, identity=last_blessed.identity())
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
            **({"from": last_blessed.folder} if warm_start else {}),
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
        task=fingerprint.for_report(task),
        baseline=last_blessed.folder,
        no_baseline=last_blessed.why_none,
        revoked="" if run.fresh else revocation(run.serving, training),
        fingerprint=fingerprint.code("Report"),
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        blessing=report.outputs["blessing"],
        report=report.outputs["report"],
        canary=canary.outputs["canary"],
        statistics=statistics.outputs["statistics"],
        serving=str(run.serving.resolve()),
        training=training,
        baseline=last_blessed.folder,
        keep=task.push.keep,
        provenance={
            "task": task.task,
            "run_id": run.run_id,
            "data": str(run.data.resolve()),
            "data_fingerprint": rows,
            "code": fingerprint.codes(),
            "versions": document.versions(),
        },
        replace_pointer=run.no_baseline is not None,
    )
    return Pipeline(
        pipeline_name=task.task,
        pipeline_root=str(run.artifacts.resolve()),
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
        enable_cache=not run.fresh,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(run.metadata.resolve())),
        beam_pipeline_args=run.beam_arguments,
    )


def statistics_options(images: Iterable[str]) -> tfdv.StatsOptions | None:
    """Returns options that keep StatisticsGen from counting each image as a word, with all of them in memory.

    Only what it needs to know of image columns: with the whole schema, a changed class would ask for new statistics.
    """
    declared = [
        schema_pb2.Feature(name=name, type=schema_pb2.BYTES, image_domain=schema_pb2.ImageDomain()) for name in images
    ]
    return tfdv.StatsOptions(schema=schema_pb2.Schema(feature=declared)) if declared else None


def training_digest(contract: Contract, rows: str) -> str:
    """Returns what identifies a training: everything that makes the model, and nothing that judges it.

    Of a training with a warm start, it is all but the model that it begins from (see `baseline.begun_from`).

    Args:
        contract: The task.
        rows: Fingerprint of the data.
    """
    return fingerprint.digest(
        rows,
        contract.schema.SerializeToString(deterministic=True).hex(),
        contract.task.data.model_dump_json(),
        Layout.of(contract).to_json(),
        fingerprint.for_transform(contract.task).to_json(),
        fingerprint.for_trainer(contract.task).to_json(),
        fingerprint.weights(contract.task),
        *(fingerprint.code(stage) for stage in ("ExampleGen", "Transform", "Trainer")),
    )
