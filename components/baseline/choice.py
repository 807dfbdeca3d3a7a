"""Which model a new one is compared with: the one that was blessed last, as the serving folder's pointer says.

The same on every runner: a run on this machine decides before it starts, so that its cache knows the answer, and a
container while the run goes on, as nobody else can see its serving folder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from components.pusher.history import read_history
from components.pusher.pointer import Pointer, read_pointer
from components.pusher.stores import Store


@dataclasses.dataclass(frozen=True)
class Choice:
    """The model to compare with.

    Attributes:
        version: Its number in the serving folder; None if there is none.
        why_none: In a sentence; empty if there is one.
    """

    version: int | None
    why_none: str = ""


def asked_for_none(reason: str) -> Choice:
    """Returns no model, as whoever started the run wanted."""
    return Choice(None, f"without a baseline and `max_drop`, as the run asked for: {reason}")


def no_serving_folder() -> Choice:
    """Returns no model, as there is nowhere to look."""
    return Choice(None, "no baseline: the run has no serving folder, so `max_drop` was not applied")


def choose(store: Store, training: Callable[[Choice], str] | None = None) -> Choice:
    """Returns the last blessed model.

    A pointer that is lost is made up for by what the last push wrote into its version; at a cold start there is no
    push, and no baseline.

    Args:
        store: The serving folder.
        training: Returns the digest of the training that is to be judged, given the model that it would be compared
            with. Where a cache keeps verdicts, a run that repeats the training of the last blessed model is compared
            with what that model was compared with, not with itself: the same run twice gives the same verdict. None
            where no cache does.

    Raises:
        DataError: The pointer is half written, or names a version that is gone.
    """
    pointer = read_pointer(store.folder) or _lost_pointer(store)
    if pointer is None:
        return Choice(None, "no baseline: no model was blessed before, so `max_drop` was not applied")
    if training is None:
        return Choice(pointer.version)
    before = _baseline_of(pointer, store)
    return before if pointer.training == training(before) else Choice(pointer.version)


def _baseline_of(pointer: Pointer, store: Store) -> Choice:
    """Returns what the last blessed model was compared with, for a run that repeats its training."""
    if pointer.baseline and (compared_with := store.version_of(pointer.baseline)):
        return Choice(compared_with)
    then = f"compared with {pointer.baseline}, which is gone" if pointer.baseline else "judged without a baseline"
    why = f"the last blessed model, version {pointer.version}, is of this very training and was {then}"
    return Choice(None, f"no baseline: {why}; `max_drop` was not applied")


def _lost_pointer(store: Store) -> Pointer | None:
    """Returns the pointer that the newest push had written; None if no push left a version."""
    for push in reversed(read_history(store.folder).records):
        if push.source and store.version_of(store.name(push.version)):
            return Pointer(push.version, push.source, push.training, push.baseline)
    return None
