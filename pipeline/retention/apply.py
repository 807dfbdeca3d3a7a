"""Removes what a plan names, so that at any moment everything that ML Metadata calls live is whole."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2

from pipeline import metadata_copies
from pipeline.config import RunConfig
from pipeline.retention.facts import open_metadata
from pipeline.retention.plan import Removal
from schema.errors import UserError


def apply(config: RunConfig, removals: Iterable[Removal]) -> None:
    """Marks artifacts as deleted, all in one step, and then removes their files.

    TFX's cache passes over an execution of which an output is not live, and does its work again. Killed before the
    files are gone, it leaves some that nobody looks at; the next time they are found and removed.

    Args:
        config: The run's folder, held by the caller.
        removals: What goes.

    Raises:
        UserError: Something cannot be removed.
    """
    found = list(removals)
    _mark(config.metadata, [artifact for removal in found for artifact in removal.artifacts])
    metadata_copies.renew(config)
    root = config.artifacts.resolve()
    for removal in found:
        try:
            _remove(root, root / removal.place)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UserError(
                f"{error.filename}: cannot be removed ({error.strerror}); put its permissions right and give the same "
                "command again: nothing uses it any more"
            ) from None


def _mark(database: Path, numbers: list[int]) -> None:
    if not numbers:
        return
    store = open_metadata(database, read_only=False)
    artifacts = store.get_artifacts_by_id(numbers)
    for artifact in artifacts:
        artifact.state = metadata_store_pb2.Artifact.DELETED
    store.put_artifacts(artifacts)


def _remove(root: Path, path: Path) -> None:
    """Removes a file or folder, but none that was moved out of the folder of artifacts by a link on the way to it."""
    if not path.parent.resolve().is_relative_to(root):
        raise UserError(f"{path}: lies outside of {root}, and was left alone")
    # Stored spans are found by their names: half of one must not be.
    hidden = path.rename(path.with_name(f".removed-{uuid.uuid4().hex}"))
    if hidden.is_dir() and not hidden.is_symlink():
        shutil.rmtree(hidden)
    else:
        hidden.unlink()
