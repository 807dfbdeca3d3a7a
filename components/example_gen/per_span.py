"""What is kept of a span besides its rows, computed once for all windows that have it.

One file each, which appears whole or not at all, under a name that begins with that of the stored span: it changes with
the span's files, and `pipeline.retention` knows whose it is. What is damaged is as if it were not there.
"""

from __future__ import annotations

import hashlib
import os
import uuid

from tfx import types
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.drafts import draft_of, remove_drafts
from components.example_gen import store as rows
from components.example_gen.entries import Entry
from components.example_gen.window import entries

SUFFIX = ".kept"
_DIGEST_BYTES = hashlib.sha256().digest_size


def name(entry: Entry, *what: str) -> str:
    """Returns the name of a file.

    Args:
        entry: The span.
        what: What is kept, of which rows, and a digest of the code that computes it; words without a hyphen.
    """
    return f"{entry.name}-{'.'.join(what)}{SUFFIX}"


def parts(examples: types.Artifact, split: str, kind: str, digest: str) -> dict[str, list[str]]:
    """Returns the TFRecord files of a split, by the name under which what they hold is kept.

    Args:
        examples: Of spans, each a part or several; or of data without any, which are one part.
        split: Of the examples.
        kind: What is kept.
        digest: Of the code that computes it.
    """
    folder = artifact_utils.get_split_uri([examples], split)
    window = entries(examples)
    if not window:
        return {f"{split}{SUFFIX}": [os.path.join(folder, file) for file in sorted(fileio.listdir(folder))]}
    return {name(entry, kind, stored, digest): files for (entry, stored), files in rows.parts(window, folder).items()}


def folder_for(examples: types.Artifact, store: str, scratch: str) -> str:
    """Returns where what is computed of examples goes: to the store, or into a folder that nobody finds again.

    What is not kept is no use to an execution that begins anew either: it may be of other rows.

    Args:
        examples: Only what is of spans is kept.
        store: Where; an empty string if nothing is to be kept.
        scratch: Folder of the execution.
    """
    return (store if entries(examples) else "") or os.path.join(scratch, uuid.uuid4().hex)


def open_store(store: str) -> None:
    """Makes the folder, and removes what runs that were killed have left half written in it."""
    fileio.makedirs(store)
    remove_drafts([store])


def load(store: str, name: str) -> bytes | None:
    """Returns what is kept under a name; None if nothing is, or not as it was saved."""
    path = os.path.join(store, name)
    if not fileio.exists(path):
        return None
    with fileio.open(path, "rb") as file:
        content: bytes = file.read()
    digest, saved = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return saved if hashlib.sha256(saved).digest() == digest else None


def kept(store: str, name: str) -> bytes:
    """Returns what was saved before under a name.

    Raises:
        OSError: It is gone, or damaged since.
    """
    found = load(store, name)
    if found is None:
        raise OSError(f"{os.path.join(store, name)}: written and not there any more, or damaged since")
    return found


def save(store: str, name: str, content: bytes) -> None:
    """Keeps something under a name."""
    path = os.path.join(store, name)
    draft = draft_of(path)
    with fileio.open(draft, "wb") as file:
        file.write(hashlib.sha256(content).digest() + content)
    fileio.rename(draft, path, overwrite=True)
