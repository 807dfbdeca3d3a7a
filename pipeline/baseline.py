"""Which model a new one is compared with, and why with none if there is none."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from components.pusher.folder import version_folder
from components.pusher.pointer import Pointer, read_pointer
from pipeline import fingerprint
from pipeline.config import RunConfig
from schema.errors import DataError


@dataclasses.dataclass(frozen=True)
class BaselineChoice:
    """The model to compare with.

    Attributes:
        version: Its folder; None if there is none.
        why_none: In a sentence; empty if there is one.
    """

    version: Path | None
    why_none: str = ""

    @property
    def folder(self) -> str:
        """The version's folder, or an empty string."""
        return str(self.version or "")

    def identity(self) -> str:
        """Returns a digest of the model: version numbers start anew if somebody removes the serving folder.

        Raises:
            DataError: The folder holds no whole model.
        """
        if self.version is None:
            return ""
        try:
            return fingerprint.digest((self.version / "fingerprint.pb").read_bytes().hex())
        except OSError as error:
            raise DataError(
                f"{self.version}: the last blessed model is not whole ({error.strerror}: fingerprint.pb); "
                '`multihead run TASK --no-baseline "REASON"` judges the new model without it'
            ) from None


def begun_from(training: str, model: BaselineChoice) -> str:
    """Returns the digest of a training that begins from the weights of a model."""
    return fingerprint.digest(training, model.identity())


def find_baseline(run: RunConfig, training: str, warm_start: bool = False) -> BaselineChoice:
    """Returns the last blessed model.

    A run that repeats the training of the last blessed model is compared with what that model was compared with, not
    with itself: the same run twice gives the same verdict, from the cache. A run without a baseline does not even look
    for one: no damage in the serving folder can keep a model out for ever (tfx#4390).

    Args:
        run: Its serving folder has the pointer.
        training: Digest of the training that is to be judged, whatever it begins from.
        warm_start: Whether it begins from the baseline's weights: then it repeats that of the last blessed model if
            it can begin from what that one began from.

    Raises:
        DataError: The pointer is damaged.
    """
    if run.no_baseline is not None:
        return BaselineChoice(None, f"without a baseline and `max_drop`, as the run asked for: {run.no_baseline}")
    pointer = read_pointer(run.serving)
    if pointer is None:
        return BaselineChoice(None, "no baseline: no model was blessed before, so `max_drop` was not applied")
    before = _baseline_of(pointer)
    if run.fresh or pointer.training != (begun_from(training, before) if warm_start else training):
        return BaselineChoice(version_folder(run.serving.resolve(), pointer.version))
    return before


def _baseline_of(pointer: Pointer) -> BaselineChoice:
    """Returns what the last blessed model was compared with, for a run that repeats its training."""
    if pointer.baseline and Path(pointer.baseline).is_dir():
        return BaselineChoice(Path(pointer.baseline))
    then = f"compared with {pointer.baseline}, which is gone" if pointer.baseline else "judged without a baseline"
    why = f"the last blessed model, version {pointer.version}, is of this very training and was {then}"
    return BaselineChoice(None, f"no baseline: {why}; `max_drop` was not applied")
