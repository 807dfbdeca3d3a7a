"""Rows of spans as they were encoded once, and windows put together from them without reading the data again.

A stored span is a folder with one subfolder of TFRecord files per split of `split.assign`, and a summary. It appears
whole or not at all, under a name that changes with its files and with everything that decides how they are encoded.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping, Sequence

from tfx.dsl.io import fileio

from components.drafts import draft_of, remove_drafts
from components.example_gen import split
from components.example_gen.entries import Entry
from schema.data import Split
from schema.names import SPLITS

_SUMMARY_FILE = "summary.json"


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a stored span holds.

    Attributes:
        rows: Number of rows by split, as `split.assign` put them.
        values: Number of rows that have a value, by column that its files have.
    """

    rows: Mapping[str, int]
    values: Mapping[str, int]


def absent(store: str, entries: Iterable[Entry]) -> list[Entry]:
    """Returns the spans that are not stored yet."""
    return [entry for entry in entries if not fileio.exists(os.path.join(store, entry.name, _SUMMARY_FILE))]


def open_drafts(store: str, entries: Iterable[Entry]) -> dict[Entry, str]:
    """Returns an empty folder for every span, hidden until `keep` names it; those of killed runs are removed."""
    fileio.makedirs(store)
    remove_drafts([store])
    drafts = {entry: draft_of(os.path.join(store, entry.name)) for entry in entries}
    for draft in drafts.values():
        for folder in split_folders(draft).values():
            fileio.makedirs(folder)
    return drafts


def split_folders(folder: str) -> dict[str, str]:
    """Returns the folders of a stored span's splits."""
    return {name: os.path.join(folder, name) for name in SPLITS}


def keep(store: str, entry: Entry, draft: str, summary: Summary) -> None:
    """Gives a draft that is whole its name."""
    with fileio.open(os.path.join(draft, _SUMMARY_FILE), "w") as file:
        file.write(json.dumps(dataclasses.asdict(summary)))
    fileio.rename(draft, os.path.join(store, entry.name), overwrite=True)


def summary(store: str, entry: Entry) -> Summary:
    """Returns what a stored span holds."""
    with fileio.open(os.path.join(store, entry.name, _SUMMARY_FILE), "r") as file:
        return Summary(**json.loads(file.read()))


def assemble(store: str, entries: Sequence[Entry], rule: Split, folders: Mapping[str, str]) -> dict[str, int]:
    """Puts the files of a window's spans into the folders of its splits; returns the number of rows by split.

    By hard links where the file system has them, so that a file of many windows is on the disk once.

    Args:
        store: Where spans are stored.
        entries: The window, the newest last.
        rule: How the task splits.
        folders: Folder by split.
    """
    rows = dict.fromkeys(SPLITS, 0)
    for age, entry in enumerate(reversed(entries)):
        counted = summary(store, entry).rows
        for name, folder in split_folders(os.path.join(store, entry.name)).items():
            target = split.of_span(name, rule, age)
            rows[target] += counted[name]
            for file in sorted(fileio.listdir(folder)):
                link(os.path.join(folder, file), os.path.join(folders[target], _prefix(entry, name) + file))
    return rows


def files_of(entry: Entry, folders: Iterable[str]) -> list[str]:
    """Returns the files that `assemble` put together of a span, from the folders of all splits."""
    prefixes = tuple(_prefix(entry, name) for name in SPLITS)
    return [
        os.path.join(folder, file)
        for folder in folders
        for file in sorted(fileio.listdir(folder))
        if file.startswith(prefixes)
    ]


def parts(entries: Iterable[Entry], folder: str) -> dict[tuple[Entry, str], list[str]]:
    """Returns the files of a folder that `assemble` filled, by span and split of the stored rows."""
    files = sorted(fileio.listdir(folder))
    found = {
        (entry, name): [os.path.join(folder, file) for file in files if file.startswith(_prefix(entry, name))]
        for entry in entries
        for name in SPLITS
    }
    return {part: files for part, files in found.items() if files}


def label_of_file(name: str) -> str:
    """Returns the label of the span whose rows a file holds that `assemble` put together."""
    for split_name in SPLITS:
        label, found, _ = name.rpartition(f"-{split_name}-")
        if found:
            return label
    return ""


def _prefix(entry: Entry, split_name: str) -> str:
    return f"{entry.label}-{split_name}-"


def link(source: str, target: str) -> None:
    """Makes a file appear under a second name, by a copy where that is not possible."""
    if fileio.exists(target):  # Never copied over: it may be the source itself.
        fileio.remove(target)
    try:
        os.link(source, target)
    except OSError:  # Another disk, a file system without links, or no file system at all.
        fileio.copy(source, target)
