"""What a run is of: digests of its data, and of everything that its verdict depends on. Loads without TFX."""

from __future__ import annotations

from components.example_gen import state
from components.example_gen.layout import Layout
from components.example_gen.places import Place, place
from components.example_gen.spans import Span
from pipeline import fingerprint
from pipeline.config import RunConfig
from schema.contract import Contract
from schema.data import SpanSplit


def data_fingerprint(contract: Contract, data: Place, spans: tuple[Span, ...] = ()) -> str:
    """Returns a digest of the data's files: tables, and the images that they name.

    Args:
        contract: The task.
        data: File or folder of rows.
        spans: The window, if the data has spans.

    Raises:
        DataError: There is no data, or it cannot be read.
    """
    if not spans:
        return _fingerprint(contract, data)
    return fingerprint.digest(*(f"{span.label} {span.version} {span_fingerprint(contract, span)}" for span in spans))


def span_fingerprint(contract: Contract, span: Span) -> str:
    """Returns a digest of a span's files."""
    return _fingerprint(contract, place(span.folder))


def _fingerprint(contract: Contract, folder: Place) -> str:
    return state.fingerprint([folder], contract.task.data.format, Layout.of(contract).path_columns)


def stored_key(contract: Contract, span: Span) -> str:
    """Returns a digest of a span's files and of everything that decides how its rows are encoded.

    How many spans are the newest is no part of it: a span that judged a model trains a later one.
    """
    data = contract.task.data
    rule = data.split.model_copy(update={"newest": 1}) if isinstance(data.split, SpanSplit) else data.split
    return fingerprint.digest(
        span_fingerprint(contract, span),
        data.format,
        rule.model_dump_json(),
        Layout.of(contract).to_json(),
        fingerprint.code("ExampleGen"),
    )


def run_key(contract: Contract, run: RunConfig) -> str:
    """Returns a digest of what a verdict depends on: data, or its window of spans, task, schema, weights and code."""
    return fingerprint.digest(
        data_fingerprint(contract, run.data, run.spans),
        contract.task.to_json(),
        contract.schema.SerializeToString(deterministic=True).hex(),
        *(f"{column.name} {sorted(column.stated.items())}" for column in contract.watched),
        fingerprint.weights(contract.task),
        *fingerprint.codes().values(),
    )


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
