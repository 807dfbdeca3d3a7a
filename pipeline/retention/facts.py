"""What is in a run's folder: read from ML Metadata, the serving folder and the disk, and changed nowhere."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from components.example_gen.entries import entries_from_json
from components.pusher.folder import versions
from components.pusher.history import read_history
from components.pusher.pointer import read_pointer
from pipeline.backtest.document import FILE as REPLAY_FILE
from pipeline.config import RunConfig
from pipeline.metadata_copies import find_damage
from pipeline.report import document
from pipeline.retention.plan import STORES, SYSTEM, Execution, Facts, Run
from schema.errors import UserError

# Of an execution that reads spans: what it was told of them.
_WINDOW = "window"


def read_facts(config: RunConfig) -> Facts:
    """Reads what is there.

    Args:
        config: The run's folder, in which `check` found nothing wrong.

    Raises:
        UserError: There was no run.
        DataError: The serving folder is damaged.
    """
    root = config.artifacts.resolve()
    store = open_metadata(config.metadata, read_only=True)
    artifacts = {artifact.id: _place(artifact.uri, root) for artifact in store.get_artifacts()}
    runs = _runs(store, config.output)
    if not runs:  # Then everything would be a left-over.
        raise UserError(f"{config.metadata}: knows of no run")
    served, baseline_run = _served(config, root)
    return Facts(runs, _executions(store), artifacts, served, baseline_run, tuple(places(root)))


def open_metadata(database: Path, read_only: bool) -> metadata_store.MetadataStore:
    """Opens ML Metadata's database, which is there."""
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(database.resolve())
    modes = metadata_store_pb2.SqliteMetadataSourceConfig
    connection.sqlite.connection_mode = modes.READONLY if read_only else modes.READWRITE
    return metadata_store.MetadataStore(connection)


def check(config: RunConfig) -> None:
    """Checks that there is a run's folder to clean up.

    Raises:
        UserError: There was no run, its database is damaged, it is of a backtest, or artifacts are kept elsewhere by a
            link.
    """
    if not config.output.is_dir():
        raise UserError(f"{config.output}: no such folder; give the run's folder by --output")
    if not config.metadata.exists():
        raise UserError(f"{config.metadata}: not there; no run was made in {config.output}, or its database is lost")
    if config.artifacts.is_symlink():
        raise UserError(
            f"{config.artifacts}: a link to {config.artifacts.resolve()}, and nothing outside of a run's folder is "
            f"removed; make {config.output} itself the link"
        )
    if (config.output / REPLAY_FILE).exists():
        raise UserError(
            f"{config.output}: holds a backtest, every step of which may be compared with its first model; nothing "
            "was removed; remove the folder whole when its page is no longer needed"
        )
    try:
        damage = find_damage(config.metadata)
    except sqlite3.Error as error:
        raise UserError(f"{config.metadata}: cannot be read ({error})") from None
    if damage:
        # An empty database would make everything a left-over.
        raise UserError(f"{config.metadata}: {damage}; the next `multihead run` puts the last good copy in its place")


def _runs(store: metadata_store.MetadataStore, output: Path) -> tuple[Run, ...]:
    judged = {file.parent.name for file in document.of_runs(output)}
    return tuple(
        Run(
            context.name,
            frozenset(execution.id for execution in store.get_executions_by_context(context.id)),
            context.name in judged,
        )
        for context in sorted(store.get_contexts_by_type("pipeline_run"), key=lambda context: context.id)
    )


def _executions(store: metadata_store.MetadataStore) -> dict[int, Execution]:
    found = {execution.id: execution for execution in store.get_executions()}
    inputs: dict[int, set[int]] = {number: set() for number in found}
    outputs: dict[int, set[int]] = {number: set() for number in found}
    for event in store.get_events_by_execution_ids(list(found)) if found else ():
        side = inputs if event.type == metadata_store_pb2.Event.INPUT else outputs
        side[event.execution_id].add(event.artifact_id)
    return {
        number: Execution(frozenset(inputs[number]), frozenset(outputs[number]), _spans(execution))
        for number, execution in found.items()
    }


def _spans(execution: metadata_store_pb2.Execution) -> frozenset[str]:
    told = execution.custom_properties[_WINDOW].string_value if _WINDOW in execution.custom_properties else ""
    return frozenset(entry.name for entry in entries_from_json(told)) if told else frozenset()


def _place(uri: str, root: Path) -> str:
    path = Path(uri)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _served(config: RunConfig, root: Path) -> tuple[frozenset[str], str | None]:
    """Returns the models that served versions are copies of, and the run that pushed the last blessed one."""
    pushes = {record.version: record for record in read_history(config.serving).records}
    served = frozenset(_place(pushes[version].source, root) for version in versions(config.serving))
    pointer = read_pointer(config.serving)
    pushed = pushes.get(pointer.version) if pointer else None
    first = pushes.get(pushed.of) if pushed else None
    return served, first.run_id if first else None


def places(root: Path) -> Iterator[str]:
    """Returns everything that can be removed by itself, relative to the folder of artifacts; links are left alone.

    That is whatever is in folders such as STAGE/OUTPUT, and in the stores of spans. Folders for work in which no file
    is left stay: they tell which numbers of executions were used.
    """
    for stage in _folders(root):
        for output in [stage] if stage.name in STORES else _folders(stage):
            if output.name == SYSTEM:
                found = [path for kind in _folders(output) for path in _entries(kind) if _has_file(path)]
            else:
                found = _entries(output)
            yield from (path.relative_to(root).as_posix() for path in found)


def _entries(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if not entry.is_symlink())
    except FileNotFoundError:  # A run that is under way removes what it needs no more.
        return []


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir()]


def _has_file(path: Path) -> bool:
    return any(files for _, _, files in os.walk(path)) or not path.is_dir()
