"""What a model is known not to be good for: sentences made from the facts of its card, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schema.gates import EVERY_VALUE_MIN_LABELLED
from schema.names import SPLITS, slice_of

MOSTLY = 0.5  # Share of rows without a value from which on a feature is mostly missing.
_NAMED = 5


def is_few(labelled: int) -> bool:
    """Returns whether a slice has so few labelled rows that its metrics are good or bad by chance."""
    return labelled < EVERY_VALUE_MIN_LABELLED


def find_limits(card: Mapping[str, Any]) -> list[str]:
    """Returns sentences for people.

    Args:
        card: Model card without its limits.
    """
    found: list[str] = []
    if card["baseline"] is None:
        found.append("It was not compared with an earlier model: only the gates' min and max could refuse it.")
    for head, of_head in card["heads"].items():
        found.extend(_of_head(head, of_head))
    owners: dict[str, list[str]] = {}
    for owner, of_owner in {**card["heads"], "all heads together": card["joint"]}.items():
        for note in dict.fromkeys(gate["note"] for gate in of_owner["gates"] if gate.get("note")):
            owners.setdefault(note, []).append(owner)
    found.extend(f"Gates of {_named(of_note)}: {_sentence(note)}" for note, of_note in owners.items())
    found.extend(_of_features(card["data"]["features"]))
    return found


def _of_head(head: str, of_head: Mapping[str, Any]) -> Iterator[str]:
    if not of_head["gates"]:
        yield f"Head {head} has no gates: it is served whatever its metrics are."
    if of_head["note"]:
        yield f"Head {head}: {_sentence(of_head['note'])}"
    if not of_head["overall"]:
        yield f"Head {head} has no labelled row in test: nothing was measured."
    counts = of_head["label_counts"]
    for split in SPLITS if counts else ():
        consequence = {"train": "never learnt", "eval": "calibrated without", "test": "never measured"}[split]
        unseen = [label for label, by_split in counts.items() if not by_split.get(split)]
        if unseen and of_head["labelled"].get(split):
            yield f"Head {head}: no row of {split} has {_named(unseen)}: {consequence}."
    few = [found for found in of_head["slices"] if is_few(found["labelled"])]
    if few:
        rarest = sorted(few, key=lambda found: found["labelled"])
        names = _named([f"{slice_of(found['slice'])} ({found['labelled']})" for found in rarest])
        of_all = f"{len(few)} of {len(of_head['slices'])} slices have"
        yield f"Head {head}: {of_all} fewer than {EVERY_VALUE_MIN_LABELLED} labelled rows in test: {names}."


def _of_features(features: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for feature in features:
        share = feature["missing"]
        if share == 1:
            yield f"Feature {feature['name']} has no value in any row."
        elif share >= MOSTLY:
            yield f"Feature {feature['name']} is missing in {share:.0%} of the rows."


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _named(names: Sequence[str]) -> str:
    """Returns the first few names, and how many more there are."""
    more = len(names) - _NAMED
    if more <= 1:  # "and 1 more" would save nothing.
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {more} more"
