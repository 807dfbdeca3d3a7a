"""Which model a new one is compared with, and why with none if there is none."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from components.baseline.choice import Choice, asked_for_none, choose
from components.pusher import stores
from components.pusher.folder import version_folder
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
    """Returns the last blessed model, before the run: its identity is part of what the cache compares.

    A run that repeats the training of the last blessed model is compared with what that model was compared with: the
    same run twice gives the same verdict, from the cache.

    A run without a baseline does not even look for one: no damage in the serving folder can keep a model out for ever
    (tfx#4390).

    Args:
        run: Its serving folder has the pointer.
        training: Digest of the training that is to be judged, whatever it begins from.
        warm_start: Whether it begins from the baseline's weights: then it repeats that of the last blessed model if
            it can begin from what that one began from.

    Raises:
        DataError: The pointer is damaged.
    """
    if run.no_baseline is not None:
        return BaselineChoice(None, asked_for_none(run.no_baseline).why_none)
    with stores.opened(str(run.serving.resolve())) as store:

        def found(choice: Choice) -> BaselineChoice:
            version = None if choice.version is None else version_folder(store.folder, choice.version)
            return BaselineChoice(version, choice.why_none)

        def digest(before: Choice) -> str:
            return begun_from(training, found(before)) if warm_start else training

        return found(choose(store, None if run.fresh else digest))
