"""What is kept of a span besides its rows, computed once for all windows that have it.

One file each, which appears whole or not at all, under a name that begins with that of the stored span: it changes with
the span's files, and `pipeline.retention` knows whose it is. What is damaged is as if it were not there.
"""

from __future__ import annotations

import hashlib
import os
import uuid

from tfx.dsl.io import fileio

from components.example_gen.entries import Entry

SUFFIX = ".kept"
_DIGEST_BYTES = hashlib.sha256().digest_size


def name(entry: Entry, *what: str) -> str:
    """Returns the name of a file.

    Args:
        entry: The span.
        what: What is kept, of which rows, and a digest of the code that computes it; words without a hyphen.
    """
    return f"{entry.name}-{'.'.join(what)}{SUFFIX}"


def open_store(store: str) -> None:
    """Makes the folder, and removes what runs that were killed have left half written in it."""
    fileio.makedirs(store)
    for file in fileio.listdir(store):
        if file.startswith("."):
            fileio.remove(os.path.join(store, file))


def load(store: str, name: str) -> bytes | None:
    """Returns what is kept under a name; None if nothing is, or not as it was saved."""
    path = os.path.join(store, name)
    if not fileio.exists(path):
        return None
    with fileio.open(path, "rb") as file:
        content: bytes = file.read()
    digest, kept = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return kept if hashlib.sha256(kept).digest() == digest else None


def save(store: str, name: str, kept: bytes) -> None:
    """Keeps something under a name."""
    draft = os.path.join(store, f".{name}-{uuid.uuid4().hex}")
    with fileio.open(draft, "wb") as file:
        file.write(hashlib.sha256(kept).digest() + kept)
    fileio.rename(draft, os.path.join(store, name), overwrite=True)
